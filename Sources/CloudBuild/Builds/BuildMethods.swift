import APIServer
import Foundation
import GoogleAPI

/// `projects.builds` and `projects.locations.builds`.
struct BuildMethods: Sendable {
    let store: BuildStore
    let pools: WorkerPoolStore
    let projects: any ProjectDirectory
    let accounts: any BuildAccounts
    let authorizer: any Authorizer
    let runner: BuildRunner
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    func create(_ input: BuildsInput, _ caller: Caller) async throws -> JSON {
        // Some clients wrap the build, as the method's gRPC form does.
        let request = input.body["steps"] == nil ? input.body["build"] ?? input.body : input.body
        try await authorize(caller, toActAs: request["serviceAccount"]?.string, in: input.project)
        return try await begin(request, project: input.project, location: input.location).operation
    }

    /// Checks that a caller may have builds act as an account that they name.
    ///
    /// - Throws: ``GoogleError`` `forbidden` (403).
    func authorize(_ caller: Caller, toActAs account: String?, in project: String) async throws {
        guard let account = Self.named(account) else { return }
        let project = try await projects.project(project)
        guard try await account != accounts.defaultAccount(of: project) else { return }
        try await authorizer.authorize(caller, toActAs: account, in: project)
    }

    /// The e-mail address in what a build names as its account; nil when it names none.
    private static func named(_ account: String?) -> String? {
        account.map { ResourceName(parsing: $0).last }.flatMap { $0.isEmpty || $0.contains("$") ? nil : $0 }
    }

    /// Begins a build.
    ///
    /// - Parameter origin: What a trigger adds; nil: somebody asked for the build.
    func begin(
        _ request: JSON,
        project name: String,
        location: String,
        of origin: TriggerOrigin? = nil
    ) async throws -> Build {
        if let origin, let known = try await store.find(origin.buildID) { return known }
        let project = try await projects.project(name)
        let id = origin?.buildID ?? makeID()
        let account: String
        if let named = Self.named(request["serviceAccount"]?.string) {
            account = named
        } else {
            account = try await accounts.defaultAccount(of: project)
        }
        let builtIns = (origin?.builtIns ?? [:]).merging([
            "PROJECT_ID": project.id, "PROJECT_NUMBER": String(project.number), "BUILD_ID": id, "LOCATION": location,
            "SERVICE_ACCOUNT_EMAIL": account,
            "SERVICE_ACCOUNT": "projects/\(project.id)/serviceAccounts/\(account)",
        ]) { $1 }
        let time = now()
        var document = try BuildRequest(request, substitutions: builtIns).document
        if let name = document["options"]?["pool"]?["name"]?.string ?? document["options"]?["workerPool"]?.string {
            let pool = try await pools.pool(named: name, for: project, location: location)
            // The size of the pool at this moment; later changes are for later builds.
            var workers: JSON = [:]
            workers["machineType"] = pool.machineType.map(JSON.string)
            document["options"]?["pool"] = ["name": .string(name), "workerConfig": workers]
        }
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
        if let source = document["source"]?["repoSource"] {
            document["sourceProvenance"] = ["resolvedRepoSource": source]
        }
        if let origin {
            document["buildTriggerId"] = .string(origin.triggerID)
            document["substitutions"] = .object(
                origin.builtIns.mapValues(JSON.string).merging(document["substitutions"]?.object ?? [:]) { $1 }
            )
            if origin.needsApproval {
                document["status"] = "PENDING"
                document["approval"] = ["state": "PENDING", "config": ["approvalRequired": true]]
            }
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
        if build.status == .queued { runner.enqueue(id) }
        return build
    }

    /// Records a build that could not be made, so that its trigger's owner sees why.
    func recordFailure(_ why: String, id: String, trigger: Trigger, commit: String?) async throws {
        guard try await store.find(id) == nil else { return }
        let time = now()
        let text = Timestamp.text(time)
        let project = trigger.project
        var document: JSON = [
            "id": .string(id),
            "name": .string("projects/\(project.number)/locations/\(trigger.location)/builds/\(id)"),
            "projectId": .string(project.id), "status": "FAILURE", "statusDetail": .string(why),
            "failureInfo": ["type": "FETCH_SOURCE_FAILED", "detail": .string(why)],
            "buildTriggerId": .string(trigger.id), "createTime": .string(text), "startTime": .string(text),
            "finishTime": .string(text), "options": ["logging": "NONE"],
            "tags": [.string("trigger-\(trigger.id)")],
        ]
        document["substitutions"] = .object(
            ["TRIGGER_NAME": .string(trigger.name), "COMMIT_SHA": commit.map(JSON.string)].compactMapValues { $0 }
        )
        try await store.insert(
            Build(
                id: id,
                project: project,
                location: trigger.location,
                account: try await accounts.defaultAccount(of: project),
                createTime: time,
                request: [:],
                document: document
            )
        )
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
            accepting: try input.filter.map(ResourceFilter.init(parsing:))
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

    /// Lets a build begin that waits for somebody's word, or ends it.
    func approve(_ input: ApproveBuildInput, _ caller: Caller) async throws -> JSON {
        let build = try await find(input.build)
        let time = Timestamp.text(now())
        var result = input.result
        result["approverAccount"] = caller.email.map { .string($0) }
        result["approvalTime"] = .string(time)
        let decided = try await store.update(build.id) { [result] build in
            guard build.status == .pending else { return }
            build.document["approval"]?["state"] = .string(input.isApproved ? "APPROVED" : "REJECTED")
            build.document["approval"]?["result"] = result
            build.status = input.isApproved ? .queued : .cancelled
            guard !input.isApproved else { return }
            build.document["finishTime"] = .string(time)
            build.document["statusDetail"] = "The build was rejected."
        }
        // Of two who decide at once, one comes too late.
        guard let decided, decided.document["approval"]?["result"] == result else {
            throw GoogleError.buildNotPending(build.id, build.status.rawValue)
        }
        if decided.status == .queued { runner.enqueue(decided.id) }
        return decided.operation
    }

    /// Begins a new build from what the client sent for an old one, with what its trigger had added.
    func retry(_ input: BuildInput, _ caller: Caller) async throws -> JSON {
        let build = try await find(input)
        try await authorize(caller, toActAs: build.request["serviceAccount"]?.string, in: build.project.id)
        let origin = build.document["buildTriggerId"]?.string.map { trigger in
            TriggerOrigin(
                buildID: makeID(),
                triggerID: trigger,
                builtIns: (build.document["substitutions"]?.object ?? [:])
                    .filter { !$0.key.hasPrefix("_") }.compactMapValues(\.string),
                needsApproval: build.document["approval"]?["config"]?["approvalRequired"]?.bool ?? false
            )
        }
        return try await begin(build.request, project: build.project.id, location: build.location, of: origin).operation
    }

    func defaultServiceAccount(_ input: BuildsInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let email = try await accounts.defaultAccount(of: project)
        return [
            "name": .string("projects/\(project.number)/locations/\(input.location)/defaultServiceAccount"),
            "serviceAccountEmail": .string("projects/\(project.id)/serviceAccounts/\(email)"),
        ]
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
