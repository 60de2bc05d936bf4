import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A picture of how a trigger's last build went, for a README or a page.
///
/// Not Google's: there, a function of one's own draws it from build notifications.
struct TriggerBadge: Sendable {
    let triggers: TriggerMethods
    let builds: BuildStore

    func draw(_ input: TriggerBadgeInput, _ call: Call) async throws -> Response {
        let trigger = try await triggers.find(input.trigger)
        var terms: [ResourceFilter] = [.compare(field: ["buildTriggerId"], .equal, trigger.id)]
        if let branch = input.branch {
            terms.append(.compare(field: ["substitutions", "BRANCH_NAME"], .equal, branch))
        }
        let last = try await builds.list(
            project: trigger.project.id,
            location: trigger.location,
            after: nil,
            limit: 1,
            accepting: .all(terms)
        ).first
        return Response(
            status: .ok,
            headers: [.contentType: "image/svg+xml; charset=utf-8", .cacheControl: "no-cache"],
            body: .init(byteBuffer: .init(string: Self.picture(of: last?.status)))
        )
    }

    private static func picture(of status: Build.Status?) -> String {
        let (word, colour) =
            switch status {
            case .success: ("passing", "#1e8e3e")
            case .pending: ("waiting", "#9aa0a6")
            case .queued, .working: ("running", "#1a73e8")
            case .failure, .internalError: ("failing", "#d93025")
            case .timeout: ("timed out", "#d93025")
            case .cancelled: ("cancelled", "#9aa0a6")
            case .expired: ("expired", "#9aa0a6")
            case nil: ("no build", "#9aa0a6")
            }
        let width = 46 + 8 * word.count
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="20" role="img" aria-label="build: \(word)">
            <title>build: \(word)</title>
            <rect width="\(width)" height="20" rx="3" fill="#444"/><rect x="38" width="\(width - 38)" height="20" rx="3" fill="\(colour)"/>
            <g fill="#fff" font-family="sans-serif" font-size="11"><text x="6" y="14">build</text><text x="44" y="14">\(word)</text></g>
            </svg>

            """
    }
}

/// A trigger, and the branch whose builds count; nil: all.
struct TriggerBadgeInput: MethodInput {
    var trigger: TriggerInput
    var branch: String?
    var resource: ResourceName { trigger.resource }

    init(from call: Call) async throws {
        trigger = try await TriggerInput(from: call)
        branch = call.query("branch").flatMap { $0.isEmpty ? nil : $0 }
    }
}
