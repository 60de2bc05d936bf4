import APIServer
import Foundation
import GoogleAPI
import HTTPTypes

/// The body of `entries:write`, its entries completed by the defaults that stand beside them.
struct WriteEntriesInput: MethodInput {
    var resource: ResourceName
    var documents: [JSON]
    var isDryRun: Bool

    init(from call: Call) async throws {
        let body: JSON = try await call.body()
        isDryRun = (body["dryRun"] ?? body["dry_run"])?.bool ?? false
        var project: String?
        documents = []
        for (index, entry) in (body["entries"]?.array ?? []).enumerated() {
            let (name, document) = try Self.complete(entry, at: index, of: body)
            guard project == nil || project == name.project else { throw GoogleError.severalProjects }
            project = name.project
            documents.append(document)
        }
        guard let project else {
            throw GoogleError.invalid("The request has no entries: give at least one LogEntry in 'entries'.")
        }
        resource = .project(project)
    }

    private static let spellings = [
        "log_name": "logName", "text_payload": "textPayload", "json_payload": "jsonPayload",
        "proto_payload": "protoPayload", "insert_id": "insertId", "http_request": "httpRequest",
        "span_id": "spanId", "trace_sampled": "traceSampled", "source_location": "sourceLocation",
    ]

    private static func complete(_ entry: JSON, at index: Int, of body: JSON) throws -> (LogName, JSON) {
        guard let members = entry.object else { throw GoogleError.badEntry(index, "it is no object.") }
        var document = JSON.object(
            Dictionary(members.map { (spellings[$0.key] ?? $0.key, $0.value) }, uniquingKeysWith: { $1 })
        )
        let nameText = document["logName"]?.string ?? (body["logName"] ?? body["log_name"])?.string ?? ""
        let name = try LogName(parsing: nameText)
        document["logName"] = .string(name.text)
        document["resource"] = document["resource"] ?? body["resource"] ?? ["type": "global"]
        guard document["resource"]?["type"]?.string?.isEmpty == false else {
            throw GoogleError.badEntry(index, "resource.type is missing: give a monitored resource, such as global.")
        }
        if let text = document["severity"], !text.isNull {
            guard let severity = LogSeverity(text) else {
                throw GoogleError.badEntry(index, "severity is none of Google's: \(text.string ?? "?").")
            }
            document["severity"] = .string(severity.name)
        } else {
            document["severity"] = nil
        }
        if let text = document["timestamp"]?.string, LogTimestamp(parsing: text) == nil {
            throw GoogleError.badEntry(index, "timestamp '\(text)' is no RFC 3339 time.")
        }
        if let labels = body["labels"]?.object {
            document["labels"] = .object(labels.merging(document["labels"]?.object ?? [:], uniquingKeysWith: { $1 }))
        }
        document["receiveTimestamp"] = nil
        return (name, document)
    }
}

/// The body of `entries:list`.
struct ListEntriesInput: MethodInput {
    var resource: ResourceName
    var filter: Filter
    var isDescending: Bool
    var pageSize: Int
    var position: EntryStore.Position?
    /// The job whose end the client waits for, by polling.
    var followedJob: String?

    init(from call: Call) async throws {
        let body: JSON = try await call.body()
        let names = (body["resourceNames"] ?? body["resource_names"])?.array?.compactMap(\.string) ?? []
        let projectIDs = (body["projectIds"] ?? body["project_ids"])?.array?.compactMap(\.string) ?? []
        let projects = try names.map(Self.project(of:)) + projectIDs
        guard let project = projects.first else { throw GoogleError.resourceNamesMissing }
        guard projects.allSatisfy({ $0 == project }) else { throw GoogleError.severalProjects }
        resource = .project(project)
        let text = body["filter"]?.string ?? ""
        filter = try Filter(parsing: text)
        switch ((body["orderBy"] ?? body["order_by"])?.string ?? "").lowercased().split(separator: " ") {
        case [], ["timestamp"], ["timestamp", "asc"]: isDescending = false
        case ["timestamp", "desc"]: isDescending = true
        case let order: throw GoogleError.badOrder(order.joined(separator: " "))
        }
        let size = (body["pageSize"] ?? body["page_size"])?.integer ?? 0
        guard (0...1_000_000).contains(size) else { throw GoogleError.invalid("pageSize must not be negative.") }
        pageSize = size == 0 ? 50 : min(Int(size), 1000)
        if let token = (body["pageToken"] ?? body["page_token"])?.string, !token.isEmpty {
            position = try Self.position(token)
        }
        let client = call.headers[.userAgent] ?? ""
        if LogFollower.isFollower(userAgent: client), position == nil, !isDescending {
            followedJob = filter.jobID
        }
    }

    private static func project(of name: String) throws -> String {
        let parsed = ResourceName(name.split(separator: "/").map(String.init))
        guard parsed.segments.first == "projects", let project = parsed.project else {
            throw GoogleError.badResourceName(name)
        }
        return project
    }

    private static func position(_ token: String) throws -> EntryStore.Position {
        guard let data = Data(base64Encoded: token),
            let position = try? JSONCoding.decoder.decode(EntryStore.Position.self, from: data)
        else { throw GoogleError.badPageToken }
        return position
    }
}

extension Filter {
    /// The job that all matches are about: `resource.labels.job_id="…"`.
    fileprivate var jobID: String? {
        for case .comparison(let comparison) in conjuncts {
            if comparison.path == ["resource", "labels", "job_id"], comparison.relation == .equal,
                case .text(let id) = comparison.operand
            {
                return id
            }
        }
        return nil
    }
}
