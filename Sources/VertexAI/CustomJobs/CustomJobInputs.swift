import APIServer
import Foundation
import GoogleAPI
import HTTPTypes

/// `projects/{project}/locations/{location}`.
struct Place: Sendable {
    var project: String
    var location: String

    init(_ call: Call) throws {
        project = try call.parameter("project")
        location = try call.parameter("location")
        guard location.wholeMatch(of: /[a-z]+(-[a-z]+)+[0-9]+/) != nil else { throw GoogleError.badLocation(location) }
    }

    var resource: ResourceName { ResourceName(["projects", project, "locations", location]) }
}

struct CreateCustomJobInput: MethodInput {
    var place: Place
    var document: JSON
    var resource: ResourceName { .project(place.project) }

    init(from call: Call) async throws {
        place = try Place(call)
        document = try CustomJob.document(from: await call.body())
    }
}

struct CustomJobInput: MethodInput {
    var place: Place
    var id: String
    /// Whether the client follows the job's log, and shall believe that it ends: see Cloud Logging's `LogFollower`.
    var isFollower: Bool
    var resource: ResourceName { .project(place.project) }

    init(from call: Call) async throws {
        place = try Place(call)
        id = try call.parameter("job")
        isFollower = call.headers[.userAgent]?.contains("custom-jobs.stream-logs") == true
    }
}

struct ListCustomJobsInput: MethodInput {
    var place: Place
    var filter: CustomJobFilter
    var pageSize: Int
    var offset: Int
    var resource: ResourceName { .project(place.project) }

    init(from call: Call) async throws {
        place = try Place(call)
        filter = try CustomJobFilter(parsing: call.query("filter") ?? "")
        let size = Int(call.query("pageSize") ?? "") ?? 0
        pageSize = size > 0 ? min(size, 1000) : 100
        guard let token = call.query("pageToken"), !token.isEmpty else {
            offset = 0
            return
        }
        guard let number = Int(token), number > 0 else { throw GoogleError.badPageToken }
        offset = number
    }
}

/// `display_name="a" AND state="JOB_STATE_SUCCEEDED" AND labels.team:*`.
struct CustomJobFilter: Sendable {
    private struct Condition {
        var field: String
        var isNegated: Bool
        var value: String
    }

    private var conditions: [Condition] = []

    /// - Throws: ``GoogleError`` `invalid` (400) for what it cannot read.
    init(parsing text: String) throws {
        guard !text.allSatisfy(\.isWhitespace) else { return }
        for part in text.components(separatedBy: " AND ") {
            guard let match = part.wholeMatch(of: /\s*([A-Za-z_.\-]+)\s*(!=|=|:)\s*(?:"([^"]*)"|([^\s"()]+))\s*/),
                ["display_name", "displayName", "state"].contains(match.1) || match.1.hasPrefix("labels.")
            else { throw GoogleError.badListFilter(text) }
            conditions.append(
                Condition(field: String(match.1), isNegated: match.2 == "!=", value: String(match.3 ?? match.4 ?? ""))
            )
        }
    }

    func matches(_ job: CustomJob) -> Bool {
        conditions.allSatisfy { condition in
            let value: String? =
                switch condition.field {
                case "state": job.state.rawValue
                case let label where label.hasPrefix("labels."):
                    job.document["labels"]?[String(label.dropFirst("labels.".count))]?.string
                default: job.document["displayName"]?.string
                }
            return Self.fits(value, condition.value) != condition.isNegated
        }
    }

    private static func fits(_ value: String?, _ pattern: String) -> Bool {
        guard let value else { return false }
        if pattern == "*" { return true }
        guard pattern.contains("*") else { return value == pattern }
        let core = pattern.trimmingCharacters(in: ["*"])
        switch (pattern.hasPrefix("*"), pattern.hasSuffix("*")) {
        case (true, true): return value.contains(core)
        case (true, false): return value.hasSuffix(core)
        default: return value.hasPrefix(core)
        }
    }
}
