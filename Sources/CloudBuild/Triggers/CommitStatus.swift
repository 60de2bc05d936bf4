import APIServer
import Foundation
import GoogleAPI

/// What the builds of a commit came to, in the form of GitHub's
/// [combined status](https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference).
///
/// Not Google's: there, Cloud Build tells GitHub, and a repository of Cloud Source Repositories shows nothing.
struct CommitStatus: Sendable {
    let projects: any ProjectDirectory
    let builds: BuildStore

    /// The last build of each trigger counts.
    func combined(_ input: CommitStatusInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let found = try await builds.list(
            project: project,
            location: "-",
            after: nil,
            limit: 1000,
            accepting: .all([
                .compare(field: ["substitutions", "COMMIT_SHA"], .equal, input.commit),
                .compare(field: ["substitutions", "REPO_NAME"], .equal, input.repository),
            ])
        )
        var seen: Set<String> = []
        let last = found.filter { seen.insert($0.document["buildTriggerId"]?.string ?? $0.id).inserted }
        let states = last.map { Self.state(of: $0.status) }
        let state =
            if states.contains(where: { ["failure", "error"].contains($0) }) {
                "failure"
            } else {
                states.isEmpty || states.contains("pending") ? "pending" : "success"
            }
        return [
            "state": .string(state), "sha": .string(input.commit), "total_count": .integer(Int64(last.count)),
            "repository": ["name": .string(input.repository)],
            "statuses": .array(zip(last, states).map(Self.describe)),
        ]
    }

    private static func describe(_ build: Build, _ state: String) -> JSON {
        [
            "state": .string(state),
            "context": .string(build.document["substitutions"]?["TRIGGER_NAME"]?.string ?? build.id),
            "description": build.document["statusDetail"] ?? .string(build.status.rawValue),
            "target_url": build.document["logUrl"] ?? .null,
            "created_at": build.document["createTime"] ?? .null,
            "updated_at": build.document["finishTime"] ?? build.document["startTime"] ?? .null,
        ]
    }

    private static func state(of status: Build.Status) -> String {
        switch status {
        case .success: "success"
        case .failure: "failure"
        case .pending, .queued, .working: "pending"
        case .internalError, .timeout, .cancelled, .expired: "error"
        }
    }
}

/// A commit of a repository.
struct CommitStatusInput: MethodInput {
    var project: String
    var repository: String
    /// Whole: 40 hexadecimal digits.
    var commit: String
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        repository = try call.parameter("repository")
        commit = try call.parameter("commit")
    }
}
