import APIServer
import GoogleAPI

/// What every list and aggregated list may say.
struct ListInput: MethodInput {
    var resource: ResourceName
    var project: String
    var zone: String?
    var region: String?
    private var filter: ListFilter?
    private var orderBy: String?
    private var maxResults: Int
    private var pageToken: String?

    init(from call: Call) async throws {
        project = try call.parameter("project")
        zone = try? call.parameter("zone")
        region = try? call.parameter("region")
        resource = .project(project)
        filter = try call.query("filter").flatMap { $0.isEmpty ? nil : try ListFilter(parsing: $0) }
        orderBy = call.query("orderBy")
        pageToken = call.query("pageToken")
        let text = call.query("maxResults") ?? "500"
        guard let number = Int(text), (0...500).contains(number) else {
            throw GoogleError.invalidField("maxResults", text, "Values must be within the range: [0, 500]")
        }
        maxResults = number == 0 ? 500 : number
    }

    /// One page of a list, filtered and sorted, links as the caller sees them.
    func page(_ items: [JSON], kind: String, for caller: Caller) throws -> JSON {
        var items = try filter.map { items.filter(try $0.predicate()) } ?? items
        if let orderBy, orderBy.hasPrefix("creationTimestamp") {
            items.sort { ($0["creationTimestamp"]?.string ?? "") > ($1["creationTimestamp"]?.string ?? "") }
        }
        let start = try offset(items.count)
        let end = min(start + maxResults, items.count)
        var page: JSON = ["kind": .string("compute#\(kind)List"), "id": .string("projects/\(project)/\(kind)s")]
        page["items"] = .array(items[start..<end].map { Link.render($0, for: caller.origin) })
        if end < items.count { page["nextPageToken"] = .string(String(end)) }
        return page
    }

    /// One page of an aggregated list: `items` by scope; it is always there, clients fail without.
    func aggregate(
        _ scopes: [(scope: String, items: [JSON])],
        collection: String,
        kind: String,
        for caller: Caller
    ) throws -> JSON {
        let flat = scopes.flatMap { scope, items in items.map { (scope, $0) } }
        let predicate = try filter?.predicate() ?? { _ in true }
        let matching = flat.filter { predicate($0.1) }
        let start = try offset(matching.count)
        let end = min(start + maxResults, matching.count)
        var groups: [String: JSON] = [:]
        for (scope, item) in matching[start..<end] {
            var members = groups[scope]?[collection]?.array ?? []
            members.append(Link.render(item, for: caller.origin))
            groups[scope] = [collection: .array(members)]
        }
        var page: JSON = ["kind": .string("compute#\(kind)AggregatedList"), "items": .object(groups)]
        page["id"] = .string("projects/\(project)/aggregated/\(collection)")
        if end < matching.count { page["nextPageToken"] = .string(String(end)) }
        return page
    }

    private func offset(_ count: Int) throws -> Int {
        guard let pageToken, !pageToken.isEmpty else { return 0 }
        guard let start = Int(pageToken), (0...count).contains(start) else {
            throw GoogleError.invalidField("pageToken", pageToken, "It was not given by an earlier page.")
        }
        return start
    }
}
