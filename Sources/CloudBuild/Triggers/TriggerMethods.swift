import APIServer
import Foundation
import GoogleAPI

/// `projects.triggers` and `projects.locations.triggers`.
struct TriggerMethods: Sendable {
    let store: TriggerStore
    let projects: any ProjectDirectory
    let events: BuildEvents
    let maker: TriggeredBuilds
    let secrets: any BuildSecrets
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    func create(_ input: TriggersInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        var document = try TriggerRequest(input.body).document
        try await maker.builds.authorize(caller, toActAs: Self.account(in: document), in: project.id)
        let (id, time) = (makeID(), now())
        if document["name"]?.string ?? "" == "" { document["name"] = .string("trigger-\(id.prefix(8))") }
        let trigger = complete(document, id: id, project: project, location: input.location, createTime: time)
        try await store.insert(trigger)
        return trigger.document
    }

    private func complete(
        _ document: JSON,
        id: String,
        project: ProjectIdentity,
        location: String,
        createTime: Date
    ) -> Trigger {
        var document = document
        document["id"] = .string(id)
        document["createTime"] = .string(Timestamp.text(createTime))
        document["resourceName"] = .string("projects/\(project.id)/locations/\(location)/triggers/\(id)")
        return Trigger(id: id, project: project, location: location, createTime: createTime, document: document)
    }

    func get(_ input: TriggerInput, _ caller: Caller) async throws -> JSON { try await find(input).document }

    func list(_ input: TriggersInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let found = try await store.list(
            project: project.id,
            location: input.location,
            after: input.pageToken,
            limit: input.pageSize + 1
        )
        let page = found.prefix(input.pageSize)
        guard let last = page.last else { return [:] }
        var answer: JSON = ["triggers": .array(page.map(\.document))]
        if found.count > page.count { answer["nextPageToken"] = .string(last.id) }
        return answer
    }

    /// Changes the fields that the mask names; without one the trigger becomes what the body says.
    func patch(_ input: TriggerInput, _ caller: Caller) async throws -> JSON {
        let trigger = try await find(input)
        var document = input.body
        if let mask = input.updateMask {
            document = trigger.document
            for path in mask {
                let names = path.split(separator: ".").map { Self.camel(String($0)) }
                let value = input.body.value(at: names[...])
                document.set(names[...], to: value)
                if value != nil { Self.clearAlternatives(of: names, in: &document) }
            }
        }
        if document["name"]?.string ?? "" == "" { document["name"] = .string(trigger.name) }
        let changed = complete(
            try TriggerRequest(document).document,
            id: trigger.id,
            project: trigger.project,
            location: trigger.location,
            createTime: trigger.createTime
        )
        try await maker.builds.authorize(caller, toActAs: Self.account(in: changed.document), in: trigger.project.id)
        try await store.update(changed)
        return changed.document
    }

    /// Of these a trigger has one: to set it is to clear the others.
    private static let alternatives = [
        ["branchName", "tagName", "commitSha"], ["branch", "tag"], ["push", "pullRequest"],
        ["filename", "build", "autodetect", "gitFileSource"],
    ]

    private static func clearAlternatives(of path: [String], in document: inout JSON) {
        for depth in path.indices {
            guard let group = alternatives.first(where: { $0.contains(path[depth]) }) else { continue }
            for other in group where other != path[depth] { document.set([] + path[..<depth] + [other], to: nil) }
        }
    }

    /// Paths of masks may be written `like_this`.
    static func camel(_ name: String) -> String {
        let parts = name.split(separator: "_")
        // Keys of substitutions are the user's own.
        guard parts.count > 1, !name.hasPrefix("_") else { return name }
        return parts[0] + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// The account that a trigger, or the build that is written into it, names.
    private static func account(in document: JSON) -> String? {
        (document["serviceAccount"] ?? document["build"]?["serviceAccount"])?.string
    }

    func delete(_ input: TriggerInput, _ caller: Caller) async throws -> JSON {
        try await store.delete(try await find(input).id)
        return [:]
    }

    /// Builds now, what the request or the trigger names.
    func run(_ input: TriggerInput, _ caller: Caller) async throws -> JSON {
        let trigger = try await find(input)
        // The method without a location takes the source itself.
        let source = input.body["source"] ?? input.body
        return try await maker.run(trigger, source: source, id: makeID()).operation
    }

    /// Takes a call from outside; the secret is all that such a caller has.
    func webhook(_ input: TriggerInput, _ caller: Caller) async throws -> JSON {
        let refusal = GoogleError(
            .permissionDenied,
            reason: "forbidden",
            message: "The webhook's secret is not right, or there is no such trigger."
        )
        guard let trigger = try? await find(input), let version = trigger.document["webhookConfig"]?["secret"]?.string
        else { throw refusal }
        // Cloud Build's service agent reads it, which needs `roles/secretmanager.secretAccessor` on the secret:
        // [webhook triggers](https://docs.cloud.google.com/build/docs/automate-builds-webhook-events).
        let agent = "service-\(trigger.project.number)@gcp-sa-cloudbuild.iam.gserviceaccount.com"
        let secret = try await secrets.value(of: version, as: agent)
        guard WebhookSignature.areSame(secret, Data(input.secret.utf8)) else { throw refusal }
        let event: JSON = ["kind": "webhook", "trigger": .string(trigger.id), "body": input.body]
        try await events.record(event, key: nil, at: now())
        return [:]
    }

    func find(_ input: TriggerInput) async throws -> Trigger {
        let project = try await projects.project(input.project)
        guard let trigger = try await store.find(input.trigger, project: project.id, location: input.location) else {
            throw GoogleError.triggerNotFound(input.trigger)
        }
        return trigger
    }
}

extension JSON {
    /// What stands at a path of keys.
    func value(at path: ArraySlice<String>) -> JSON? {
        guard let first = path.first else { return self }
        return self[first]?.value(at: path.dropFirst())
    }

    /// Puts something at a path of keys; nil removes what is there.
    mutating func set(_ path: ArraySlice<String>, to value: JSON?) {
        guard let first = path.first else { return }
        guard path.count > 1 else { return self[first] = value }
        var inner = self[first] ?? [:]
        inner.set(path.dropFirst(), to: value)
        self[first] = inner
    }
}
