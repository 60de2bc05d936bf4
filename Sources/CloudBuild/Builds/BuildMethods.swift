import APIServer
import Foundation
import GoogleAPI

/// `projects.builds` and `projects.locations.builds`.
struct BuildMethods: Sendable {
    let store: BuildStore
    let projects: any ProjectDirectory
    let accounts: any BuildAccounts
    let runner: BuildRunner
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    func create(_ input: BuildsInput, _ caller: Caller) async throws -> JSON {
        // Some clients wrap the build, as the method's gRPC form does.
        let request = input.body["steps"] == nil ? input.body["build"] ?? input.body : input.body
        return try await begin(request, project: input.project, location: input.location).operation
    }

    private func begin(_ request: JSON, project name: String, location: String) async throws -> Build {
        let project = try await projects.project(name)
        let id = makeID()
        let named = request["serviceAccount"]?.string.map { ResourceName(parsing: $0).last }
        let account: String
        if let named, !named.isEmpty, !named.contains("$") {
            account = named
        } else {
            account = try await accounts.defaultAccount(of: project)
        }
        let builtIns = [
            "PROJECT_ID": project.id, "PROJECT_NUMBER": String(project.number), "BUILD_ID": id, "LOCATION": location,
            "SERVICE_ACCOUNT_EMAIL": account,
            "SERVICE_ACCOUNT": "projects/\(project.id)/serviceAccounts/\(account)",
        ]
        let time = now()
        var document = try BuildRequest(request, substitutions: builtIns).document
        document["id"] = .string(id)
        document["name"] = .string("projects/\(project.number)/locations/\(location)/builds/\(id)")
        document["projectId"] = .string(project.id)
        document["status"] = "QUEUED"
        document["createTime"] = .string(Timestamp.text(time))
        document["timeout"] = document["timeout"] ?? "3600s"
        document["queueTtl"] = document["queueTtl"] ?? "3600s"
        document["serviceAccount"] = .string("projects/\(project.id)/serviceAccounts/\(account)")
        document["logUrl"] = .string(
            "https://console.cloud.google.com/cloud-build/builds;region=\(location)/\(id)?project=\(project.number)"
        )
        if document["logsBucket"]?.string ?? "" == "" {
            document["logsBucket"] = .string("gs://\(project.number).cloudbuild-logs.googleusercontent.com")
        }
        var options = document["options"] ?? [:]
        options["logging"] = options["logging"] ?? "LEGACY"
        document["options"] = options
        document["artifacts"] = document["artifacts"] ?? document["images"].map { ["images": $0] }
        if let source = document["source"]?["storageSource"] {
            document["sourceProvenance"] = ["resolvedStorageSource": source]
        }
        let build = Build(
            id: id,
            project: project,
            location: location,
            account: account,
            createTime: time,
            request: request,
            document: document
        )
        try await store.insert(build)
        runner.enqueue(id)
        return build
    }

    func get(_ input: BuildInput, _ caller: Caller) async throws -> JSON {
        try await find(input).document
    }

    func operation(_ input: BuildOperationInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        guard let build = try await store.find(input.buildID), build.project.id == project.id else {
            throw GoogleError.buildNotFound(input.buildID)
        }
        return build.operation
    }

    /// Newest first; the filter is applied here, since gcloud does not apply it again.
    func list(_ input: BuildsInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let builds = try await store.list(
            project: project.id,
            location: input.location,
            after: try input.pageToken.map(PageToken.read),
            limit: input.pageSize + 1,
            accepting: try input.filter.map(BuildFilter.init(parsing:))
        )
        let page = builds.prefix(input.pageSize)
        guard let last = page.last else { return [:] }
        var answer: JSON = ["builds": .array(page.map(\.document))]
        if builds.count > page.count { answer["nextPageToken"] = .string(PageToken.write(last)) }
        return answer
    }

    func cancel(_ input: BuildInput, _ caller: Caller) async throws -> JSON {
        let build = try await find(input)
        guard !build.status.isFinal else { throw GoogleError.buildEnded(build.id, build.status.rawValue) }
        try await runner.cancel(build.id)
        return try await find(input).document
    }

    /// Begins a new build from what the client sent for an old one.
    func retry(_ input: BuildInput, _ caller: Caller) async throws -> JSON {
        let build = try await find(input)
        return try await begin(build.request, project: build.project.id, location: build.location).operation
    }

    func defaultServiceAccount(_ input: BuildsInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let email = try await accounts.defaultAccount(of: project)
        return [
            "name": .string("projects/\(project.number)/locations/\(input.location)/defaultServiceAccount"),
            "serviceAccountEmail": .string("projects/\(project.id)/serviceAccounts/\(email)"),
        ]
    }

    func nothing(_ input: BuildsInput, _ caller: Caller) async throws -> JSON {
        _ = try await projects.project(input.project)
        return [:]
    }

    private func find(_ input: BuildInput) async throws -> Build {
        let project = try await projects.project(input.project)
        guard let build = try await store.find(input.id), build.project.id == project.id,
            build.location == input.location || input.location == "-"
        else { throw GoogleError.buildNotFound(input.id) }
        return build
    }
}

/// The place of a build in the order of a listing.
private enum PageToken {
    static func write(_ build: Build) -> String {
        Data("\(build.createTime.timeIntervalSinceReferenceDate) \(build.id)".utf8).base64EncodedString()
    }

    static func read(_ text: String) throws -> (time: Date, id: String) {
        let parts = Data(base64Encoded: text).map { String(decoding: $0, as: UTF8.self) }?.split(separator: " ") ?? []
        guard parts.count == 2, let seconds = Double(parts[0]) else {
            throw GoogleError.invalidBuild("page_token is not one that this list gave")
        }
        return (Date(timeIntervalSinceReferenceDate: seconds), String(parts[1]))
    }
}
