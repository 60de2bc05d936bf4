import APIServer
import Foundation
import GoogleAPI

/// Takes events that GitHub, or a host that speaks as it does, sends to a connection's webhook.
///
/// Who calls is proved by the signature of the body. An event is kept under its delivery's ID before it is answered, so
/// one that is sent again counts once.
struct GitHubEvents: Sendable {
    let connections: ConnectionStore
    let events: BuildEvents
    let now: @Sendable () -> Date

    func process(_ input: WebhookInput, _ caller: Caller) async throws -> JSON {
        guard let connection = try await connections.find(webhookKey: input.key),
            WebhookSignature.isGitHub(input.signature, of: input.body, secret: connection.webhookSecret)
        else {
            throw GoogleError(
                .permissionDenied,
                reason: "forbidden",
                message: "The webhook's key or the signature in X-Hub-Signature-256 is not right."
            )
        }
        guard connection.document["disabled"]?.bool != true else { return [:] }
        let body = try JSON(parsing: input.body)
        guard let source = try await source(of: body, in: connection) else { return [:] }
        var event: JSON? =
            switch input.event {
            case "push": push(body)
            case "pull_request": pullRequest(body)
            case "issue_comment": try await comment(body, on: source)
            default: nil
            }
        guard event != nil else { return [:] }
        event?["project"] = .string(source.hosted.project)
        event?["repository"] = .string(source.hosted.repository)
        let key = input.delivery.isEmpty ? nil : "github:\(connection.name):\(input.delivery)"
        try await events.record(event ?? [:], key: key, at: now())
        return [:]
    }

    /// The connected repository that an event is of; nil: it is not connected.
    private func source(of body: JSON, in connection: Connection) async throws -> Trigger.Source? {
        guard let name = body["repository"]?["full_name"]?.string?.lowercased() else { return nil }
        return try await connections.repositories(of: connection.name)
            .compactMap { Trigger.source(at: $0.remote, in: connection.project.id) }
            .first {
                $0.fullName.lowercased() == name
                    || $0.hosted.repository.lowercased() == "github_" + name.replacing("/", with: "_")
            }
    }

    private func push(_ body: JSON) -> JSON? {
        guard let reference = body["ref"]?.string, let after = body["after"]?.string else { return nil }
        var event: JSON = ["kind": "push", "reference": .string(reference)]
        event["old"] = body["before"].flatMap(Self.commit)
        event["new"] = .string(after)
        return body["deleted"]?.bool == true || Self.commit(.string(after)) == nil ? nil : event
    }

    /// Zeros stand for no commit.
    private static func commit(_ value: JSON) -> JSON? {
        guard let text = value.string, text.contains(where: { $0 != "0" }), text.allSatisfy(\.isHexDigit) else {
            return nil
        }
        return value
    }

    private func pullRequest(_ body: JSON) -> JSON? {
        guard ["opened", "synchronize", "reopened"].contains(body["action"]?.string), let request = body["pull_request"]
        else { return nil }
        return Self.event(request)
    }

    private static func event(_ request: JSON) -> JSON? {
        guard let commit = request["head"]?["sha"].flatMap(Self.commit), let number = request["number"],
            let base = request["base"]?["ref"], let head = request["head"]?["ref"]
        else { return nil }
        var event: JSON = ["kind": "pullRequest", "number": number, "commit": commit, "base": base, "head": head]
        event["headURL"] = request["head"]?["repo"]?["clone_url"]
        event["isExternal"] = .bool(!isOfTheProject(request["author_association"]?.string))
        return event
    }

    private static func isOfTheProject(_ association: String?) -> Bool {
        ["OWNER", "MEMBER", "COLLABORATOR"].contains(association)
    }

    /// `/gcbrun` by somebody of the project builds the pull request as it was last heard of.
    private func comment(_ body: JSON, on source: Trigger.Source) async throws -> JSON? {
        guard body["action"]?.string == "created", body["issue"]?["pull_request"] != nil,
            let text = body["comment"]?["body"]?.string, text.contains("/gcbrun"),
            Self.isOfTheProject(body["comment"]?["author_association"]?.string),
            let number = body["issue"]?["number"]?.integer,
            var event = try await events.pullRequest(number, of: source.hosted)
        else { return nil }
        event["comment"] = .string(text)
        return event
    }
}
