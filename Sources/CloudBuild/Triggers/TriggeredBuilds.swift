import APIServer
import Foundation
import GoogleAPI

/// Makes builds of triggers: finds the commit, its configuration, and the values of substitutions.
struct TriggeredBuilds: Sendable {
    let builds: BuildMethods
    let repositories: RepositorySources

    /// What a build is made from, besides its trigger.
    struct Cause: Sendable {
        /// `refs/heads/main`, `refs/tags/v1`; nil when a commit alone is named.
        var reference: String?
        var commit: String?
        /// Values of substitutions that the cause brings: `_PR_NUMBER`.
        var values: [String: String] = [:]
        /// Values that whoever runs the trigger sets.
        var overrides: [String: String] = [:]
        /// What the caller of a webhook sent.
        var payload: JSON?
    }

    // MARK: By hand

    /// Builds what a request names: a branch, a tag, a commit; else what the trigger itself names.
    func run(_ trigger: Trigger, source request: JSON, id: String) async throws -> Build {
        var cause = Cause()
        cause.overrides = (request["substitutions"]?.object ?? [:]).compactMapValues(\.string)
        let source = try await repositories.source(of: trigger)
        if let source {
            try await repositories.bringUpToDate(source)
            let revision = try await revision(request, of: trigger)
            guard let (reference, commit) = try await repositories.find(revision, in: source.hosted) else {
                throw GoogleError.revisionMissing(revision, source.fullName)
            }
            cause.reference = reference
            cause.commit = commit
        }
        return try await make(trigger, source, cause, id: id)
    }

    private func revision(_ request: JSON, of trigger: Trigger) async throws -> String {
        if let branch = request["branchName"]?.string, !branch.isEmpty { return "refs/heads/\(branch)" }
        if let tag = request["tagName"]?.string, !tag.isEmpty { return "refs/tags/\(tag)" }
        if let commit = request["commitSha"]?.string, !commit.isEmpty { return commit }
        if let revision = trigger.revision, !revision.isEmpty { return revision }
        // `^main$` means one branch; any other pattern does not say which.
        let pattern = trigger.push?.branch ?? trigger.push?.tag ?? ""
        let bare = pattern.trimmingPrefix("^").prefix { $0 != "$" }
        guard !bare.isEmpty, bare.allSatisfy({ $0.isLetter || $0.isNumber || "-_/".contains($0) }) else {
            throw GoogleError.invalidBuild("the request must name a branch, a tag or a commit to build")
        }
        return (trigger.push?.branch == nil ? "refs/tags/" : "refs/heads/") + bare
    }

    // MARK: The build

    /// Makes the build of a trigger; made again with the same ID, it is the one that there is.
    func make(_ trigger: Trigger, _ source: Trigger.Source?, _ cause: Cause, id: String) async throws -> Build {
        var builtIns = values(trigger, source, cause)
        var request = try await configuration(trigger, source, cause, &builtIns)
        var substitutions = (request["substitutions"]?.object ?? [:]).compactMapValues(\.string)
        for (name, value) in trigger.document["substitutions"]?.object ?? [:] {
            substitutions[name] = PayloadBinding.fill(value.string ?? "", from: cause.payload)
        }
        substitutions.merge(cause.overrides) { $1 }
        request["substitutions"] = substitutions.isEmpty ? nil : .object(substitutions.mapValues(JSON.string))
        var options = request["options"] ?? [:]
        options["substitutionOption"] = "ALLOW_LOOSE"
        options["dynamicSubstitutions"] = true
        request["options"] = options
        let tags = (request["tags"]?.array ?? []) + (trigger.document["tags"]?.array ?? [])
        request["tags"] = .array(tags + [.string("trigger-\(trigger.id)")])
        request["serviceAccount"] = try account(of: trigger, in: request)
        request["source"] = place(source, cause, of: trigger) ?? request["source"]
        return try await builds.begin(
            request,
            project: trigger.project.id,
            location: trigger.location,
            of: TriggerOrigin(
                buildID: id,
                triggerID: trigger.id,
                builtIns: builtIns,
                needsApproval: trigger.document["approvalConfig"]?["approvalRequired"]?.bool ?? false
            )
        )
    }

    /// The account that a trigger's builds act as: whoever made the trigger was asked whether they may.
    ///
    /// - Throws: ``GoogleError`` (400) when the repository's own file names another: everybody who may push could.
    private func account(of trigger: Trigger, in request: JSON) throws -> JSON? {
        let asked = trigger.document["serviceAccount"] ?? trigger.document["build"]?["serviceAccount"]
        guard asked == nil, let named = request["serviceAccount"]?.string, !named.isEmpty else { return asked }
        throw GoogleError.invalidBuild(
            "the build configuration names the service account \"\(named)\", which only the trigger may:"
                + " set it on the trigger \"\(trigger.name)\" (--service-account)"
        )
    }

    /// The built-in substitutions that a trigger fills in.
    private func values(_ trigger: Trigger, _ source: Trigger.Source?, _ cause: Cause) -> [String: String] {
        var values = cause.values
        values["TRIGGER_NAME"] = trigger.name
        if let source {
            values["REPO_NAME"] = source.repositoryName
            values["REPO_FULL_NAME"] = source.fullName
        }
        if let commit = cause.commit {
            values["COMMIT_SHA"] = commit
            values["REVISION_ID"] = commit
            values["SHORT_SHA"] = String(commit.prefix(7))
        }
        for (prefix, name) in [("refs/heads/", "BRANCH_NAME"), ("refs/tags/", "TAG_NAME")] {
            guard let reference = cause.reference, reference.hasPrefix(prefix) else { continue }
            values[name] = String(reference.dropFirst(prefix.count))
            values["REF_NAME"] = values[name]
        }
        return values
    }

    /// The source of the build as on the wire.
    private func place(_ source: Trigger.Source?, _ cause: Cause, of trigger: Trigger) -> JSON? {
        guard let source, let commit = cause.commit else { return nil }
        var place: JSON
        if let name = trigger.connectedRepository {
            place = ["connectedRepository": ["repository": .string(name), "revision": .string(commit)]]
        } else if let url = source.url {
            place = ["gitSource": ["url": .string(url), "revision": .string(commit)]]
        } else {
            place = [
                "repoSource": [
                    "projectId": .string(source.hosted.project), "repoName": .string(source.hosted.repository),
                    "commitSha": .string(commit),
                ]
            ]
        }
        if !source.folder.isEmpty, let kind = place.object?.keys.first {
            place.set([kind, "dir"], to: .string(source.folder))
        }
        return place
    }

    // MARK: Configuration

    private func configuration(
        _ trigger: Trigger,
        _ source: Trigger.Source?,
        _ cause: Cause,
        _ builtIns: inout [String: String]
    ) async throws -> JSON {
        if var build = trigger.document["build"] {
            // gcloud writes the source's own folder as '/'.
            build["steps"] = build["steps"]?.array.map { steps in
                .array(
                    steps.map { step in
                        var step = step
                        if step["dir"]?.string == "/" { step["dir"] = nil }
                        return step
                    }
                )
            }
            return build
        }
        if let other = trigger.document["gitFileSource"], let path = other["path"]?.string {
            builtIns["TRIGGER_BUILD_CONFIG_PATH"] = path
            return try await file(path, of: trigger, other, source, cause)
        }
        guard let source, let commit = cause.commit else {
            throw GoogleError.invalidBuild("the trigger \"\(trigger.name)\" has neither a build nor a source")
        }
        if let path = trigger.document["filename"]?.string, !path.isEmpty {
            builtIns["TRIGGER_BUILD_CONFIG_PATH"] = path
            return try await file(path, at: commit, of: source)
        }
        for name in BuildConfigFile.names {
            guard let data = try await read(name, commit, source) else { continue }
            builtIns["TRIGGER_BUILD_CONFIG_PATH"] = name
            return try BuildConfigFile.read(data, name: name)
        }
        guard try await read("Dockerfile", commit, source) != nil else {
            throw GoogleError.invalidBuild(
                "Couldn't find a build configuration: the repository '\(source.fullName)' has none of "
                    + "\((BuildConfigFile.names + ["Dockerfile"]).joined(separator: ", ")) at \(commit.prefix(7))"
            )
        }
        // Names of images are in lower case.
        let folder = (source.url == nil ? source.repositoryName : "github.com/\(source.fullName)").lowercased()
        return BuildConfigFile.dockerfile(image: "gcr.io/$PROJECT_ID/\(folder):$COMMIT_SHA")
    }

    private func file(_ path: String, at commit: String, of source: Trigger.Source) async throws -> JSON {
        guard let data = try await read(path, commit, source) else {
            throw GoogleError.invalidBuild(
                "Couldn't read the build configuration: the repository '\(source.fullName)' has no '\(path)' at "
                    + "\(commit.prefix(7))"
            )
        }
        return try BuildConfigFile.read(data, name: path)
    }

    /// A configuration that may lie in another repository than the source.
    private func file(
        _ path: String,
        of trigger: Trigger,
        _ place: JSON,
        _ source: Trigger.Source?,
        _ cause: Cause
    ) async throws -> JSON {
        let other = place["uri"]?.string.flatMap { Trigger.source(at: $0, in: trigger.project.id) } ?? source
        guard let other else { throw GoogleError.invalidBuild("git_file_source.uri is no address of a repository") }
        if other.hosted == source?.hosted, let commit = cause.commit {
            return try await file(path, at: commit, of: other)
        }
        try await repositories.bringUpToDate(other)
        let revision = place["revision"]?.string ?? "refs/heads/main"
        guard let (_, commit) = try await repositories.find(revision, in: other.hosted) else {
            throw GoogleError.revisionMissing(revision, other.fullName)
        }
        return try await file(path, at: commit, of: other)
    }

    private func read(_ path: String, _ commit: String, _ source: Trigger.Source) async throws -> Data? {
        try await repositories.code.file(path, at: commit, of: source.hosted, limit: BuildConfigFile.maximumBytes)
    }
}

/// What a trigger adds to a build.
struct TriggerOrigin: Sendable {
    /// The build's ID; begun again with the same one, a build is not begun twice.
    var buildID: String
    var triggerID: String
    var builtIns: [String: String]
    var needsApproval: Bool
}
