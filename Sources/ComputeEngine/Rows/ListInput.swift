import APIServer
import Foundation
import GoogleAPI

/// What every list and aggregated list may say.
struct ListInput: MethodInput {
    var resource: ResourceName
    var project: String
    var zone: String?
    var region: String?
    let window: ListWindow

    init(from call: Call) async throws {
        project = try call.parameter("project")
        zone = try? call.parameter("zone")
        region = try? call.parameter("region")
        resource = .project(project)
        let filter = try call.query("filter").flatMap { $0.isEmpty ? nil : try ListFilter(parsing: $0) }
        let text = call.query("maxResults") ?? "500"
        guard let number = Int(text), (0...500).contains(number) else {
            throw GoogleError.invalidField("maxResults", text, "Values must be within the range: [0, 500]")
        }
        let token = call.query("pageToken") ?? ""
        let after = ListPosition(token: token)
        guard token.isEmpty || after != nil else { throw GoogleError.badPageToken(token) }
        window = ListWindow(
            filter: filter,
            isNewestFirst: call.query("orderBy")?.hasPrefix("creationTimestamp") ?? false,
            limit: number == 0 ? 500 : number,
            after: token.isEmpty ? nil : after
        )
    }

    /// One page of a list that is in memory.
    func page(_ items: [JSON], kind: String, for caller: Caller) throws -> JSON {
        page(try window.cut(items.map { ("", $0) }), kind: kind, for: caller)
    }

    /// One page of an aggregated list that is in memory.
    func aggregate(
        _ scopes: [(scope: String, items: [JSON])],
        collection: String,
        kind: String,
        for caller: Caller
    ) throws -> JSON {
        let all = scopes.flatMap { scope, items in items.map { (scope, $0) } }
        return aggregate(try window.cut(all), collection: collection, kind: kind, for: caller)
    }

    /// The answer to a list, links as the caller sees them.
    func page(_ page: ListPage, kind: String, for caller: Caller) -> JSON {
        var document = frame(kind, next: page.next)
        document["items"] = .array(page.entries.map { Link.render($0.resource, for: caller.origin) })
        return document
    }

    /// The same of resources that are texts.
    func page(_ texts: [Data], next: ListPosition?, kind: String, for caller: Caller) throws -> RenderedJSON {
        var answer = Data(#"{"items":["#.utf8)
        for (index, text) in texts.enumerated() {
            if index > 0 { answer.append(UInt8(ascii: ",")) }
            answer.append(Link.render(text, for: caller.origin))
        }
        answer.append(contentsOf: "],".utf8)
        answer.append(try frame(kind, next: next).data().dropFirst())
        return RenderedJSON(answer)
    }

    /// What a page says besides its items.
    private func frame(_ kind: String, next: ListPosition?) -> JSON {
        var document: JSON = ["kind": .string("compute#\(kind)List"), "id": .string("projects/\(project)/\(kind)s")]
        if let next { document["nextPageToken"] = .string(next.token) }
        return document
    }

    /// The answer to an aggregated list: `items` by scope; it is always there, clients fail without.
    func aggregate(_ page: ListPage, collection: String, kind: String, for caller: Caller) -> JSON {
        let groups = Dictionary(grouping: page.entries, by: \.scope).mapValues { entries -> JSON in
            [collection: .array(entries.map { Link.render($0.resource, for: caller.origin) })]
        }
        var document: JSON = ["kind": .string("compute#\(kind)AggregatedList"), "items": .object(groups)]
        document["id"] = .string("projects/\(project)/aggregated/\(collection)")
        if let next = page.next { document["nextPageToken"] = .string(next.token) }
        return document
    }
}
