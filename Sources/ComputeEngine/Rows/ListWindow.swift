import Foundation
import GoogleAPI

/// Where a page of a list ends: the last resource in it. Clients hand it back as it is.
struct ListPosition: Equatable, Sendable {
    var scope: String
    var name: String

    init(scope: String, name: String) { (self.scope, self.name) = (scope, name) }

    /// - Returns: Nil for what no page gave.
    init?(token: String) {
        let parts = Data(base64Encoded: token.replacing("-", with: "+").replacing("_", with: "/"))
            .map { String(decoding: $0, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) }
        guard let parts, parts.count == 2 else { return nil }
        self.init(scope: String(parts[0]), name: String(parts[1]))
    }

    var token: String {
        Data("\(scope)\n\(name)".utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
    }
}

/// The part of a list that a call asks for.
struct ListWindow: Sendable {
    var filter: ListFilter?
    /// Else the order is that of scopes and names.
    var isNewestFirst: Bool
    var limit: Int
    /// The end of the page before; nil: the beginning.
    var after: ListPosition?

    typealias Entry = (scope: String, resource: JSON)

    /// Cuts the page out of a whole list.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) when the end of the page before is not in the list any more.
    func cut(_ all: [Entry]) throws -> ListPage {
        var entries = all
        if let matches = try filter?.predicate() { entries = entries.filter { matches($0.resource) } }
        if isNewestFirst {
            func created(_ entry: Entry) -> String { entry.resource["creationTimestamp"]?.string ?? "" }
            entries.sort { created($0) > created($1) }
        }
        var page = ListPage(limit: limit)
        var start = entries.startIndex
        if let after {
            guard let last = entries.firstIndex(where: { ListPosition(of: $0) == after }) else {
                throw GoogleError.badPageToken(after.token)
            }
            start = last + 1
        }
        for entry in entries[start...] where !page.take(entry) { break }
        return page
    }
}

extension ListPosition {
    init(of entry: ListWindow.Entry) {
        self.init(scope: entry.scope, name: entry.resource["name"]?.string ?? "")
    }
}

/// A page that is being filled.
struct ListPage: Sendable {
    let limit: Int
    private(set) var entries: [ListWindow.Entry] = []
    /// Where the next page begins; nil: this is the last one.
    private(set) var next: ListPosition?

    init(limit: Int) { self.limit = limit }

    /// - Returns: False when the page is full, and what was offered belongs to the next one.
    mutating func take(_ entry: ListWindow.Entry) -> Bool {
        guard entries.count < limit else {
            next = entries.last.map { ListPosition(of: $0) }
            return false
        }
        entries.append(entry)
        return true
    }
}
