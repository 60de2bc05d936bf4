import APIServer
import Foundation
import GoogleAPI
import Hummingbird

/// What part of a list a call asks for, and in which order: `pageSize`, `pageToken`, `filter`, `orderBy`.
struct ListRequest: Sendable {
    private var size: Int
    private var filter: ResourceFilter?
    private var order: Order
    private var start: Position?

    /// - Throws: ``GoogleError`` (400) for what cannot be read.
    init(_ call: Call) throws {
        func text(_ name: String) -> String? { call.query(name).flatMap { $0.isEmpty ? nil : $0 } }
        let asked = try text("pageSize").map { text in
            guard let number = Int(text), number >= 0 else {
                throw GoogleError.repositoryInvalid("The page size '\(text)' must be a number that is not negative.")
            }
            return number
        }
        size = asked.map { $0 == 0 ? 100 : min($0, 1000) } ?? 100
        filter = try text("filter").map(ResourceFilter.init(parsing:))
        order = try Order(text("orderBy") ?? "name")
        start = try text("pageToken").map(Position.init(token:))
    }

    /// The stretch of the list that the page and the first item after it are in; nil: all of the list has to be looked at,
    /// because it is filtered, or ordered by what a document says.
    private var stretch: ListStretch? {
        guard filter == nil, order.field == "name", !order.isDescending else { return nil }
        let after = start.map { ArtifactID.decoded(ResourceName(parsing: $0.name).last) }
        return ListStretch(after: after, count: size + 1)
    }

    /// The page that was asked for, of a list that can be read in part.
    ///
    /// - Parameter read: Gives a stretch of the list in its order, or, without one, all of it in any order.
    func page(as field: String, _ read: (ListStretch?) async throws -> [JSON]) async rethrows -> JSON {
        guard let stretch else { return page(try await read(nil), as: field) }
        return page(try await read(stretch).map { (order.position(of: $0), $0) }, as: field)
    }

    /// The page of `documents` that was asked for, under `field`; empty lists are left out, as Google's are.
    func page(_ documents: [JSON], as field: String) -> JSON {
        let found = documents.filter { filter?.accepts($0) ?? true }
            .map { (position: order.position(of: $0), document: $0) }
            .filter { item in start.map { order.isBefore($0, item.position) } ?? true }
            .sorted { order.isBefore($0.position, $1.position) }
        return page(found, as: field)
    }

    private func page(_ found: [(position: Position, document: JSON)], as field: String) -> JSON {
        let page = found.prefix(size)
        guard let last = page.last else { return [:] }
        var answer: JSON = [field: .array(page.map(\.document))]
        if found.count > page.count { answer["nextPageToken"] = .string(last.position.token) }
        return answer
    }

    /// A field and a direction: `create_time desc`.
    private struct Order: Sendable {
        var field: String
        var isDescending: Bool

        init(_ text: String) throws {
            let words = text.split(separator: " ").map(String.init)
            guard let name = words.first, words.count <= 2, !text.contains(","),
                words.count == 1 || ["asc", "desc"].contains(words[1].lowercased())
            else {
                throw GoogleError.repositoryInvalid(
                    "Cannot order by '\(text)': write one field, and 'desc' or nothing."
                )
            }
            field = UpdateMask.camelCase(name)
            isDescending = words.last?.lowercased() == "desc"
        }

        func position(of document: JSON) -> Position {
            var key = document[field]?.string ?? ""
            // Numbers are ordered as such.
            if !key.isEmpty, key.allSatisfy(\.isNumber) {
                key = String(repeating: "0", count: max(0, 20 - key.count)) + key
            }
            return Position(key: key, name: document["name"]?.string ?? "")
        }

        func isBefore(_ left: Position, _ right: Position) -> Bool {
            if left.key != right.key { return (left.key < right.key) != isDescending }
            return left.name < right.name
        }
    }

    /// A place in a list, which stays where it is when items come and go.
    private struct Position: Sendable {
        var key: String
        var name: String

        init(key: String, name: String) {
            self.key = key
            self.name = name
        }

        init(token: String) throws {
            let parts = Data(base64Encoded: token).map { String(decoding: $0, as: UTF8.self) }?
                .split(separator: "\u{0}", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let parts, parts.count == 2 else {
                throw GoogleError.repositoryInvalid("The page token '\(token)' is not one of this list's.")
            }
            self.init(key: parts[0], name: parts[1])
        }

        var token: String { Data("\(key)\u{0}\(name)".utf8).base64EncodedString() }
    }
}

/// A stretch of a list in the order of names.
struct ListStretch: Sendable {
    /// The ID of the item before the first, decoded; nil: from the beginning.
    var after: String?
    /// At most so many.
    var count: Int

    /// The stretch of a list that is there as a whole.
    func cut<Item>(_ all: [Item], by name: (Item) -> String) -> [Item] {
        let sorted = all.map { (name: name($0), item: $0) }.sorted { $0.name < $1.name }
        return sorted.filter { item in after.map { item.name > $0 } ?? true }.prefix(count).map(\.item)
    }
}

/// The fields that a change names, as clients write them: `description,cleanup_policies`.
enum UpdateMask {
    static func fields(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map { camelCase(String($0.prefix { $0 != "." })) }
    }

    static func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        return parts.dropFirst().reduce(parts.first.map(String.init) ?? "") {
            $0 + $1.prefix(1).uppercased() + $1.dropFirst()
        }
    }
}
