/// A partial response as the `fields` parameter asks for it: `items(name,size),nextPageToken`, `a/b/c`, `items/*`.
///
/// See [partial responses](https://docs.cloud.google.com/storage/docs/json_api#partial-response).
package struct FieldMask: Sendable, Equatable {
    private final class Node: @unchecked Sendable, Equatable {
        // Built in `init`, never changed afterwards.
        var children: [String: Node] = [:]

        static func == (lhs: Node, rhs: Node) -> Bool { lhs.children == rhs.children }

        func child(_ name: String) -> Node {
            if let node = children[name] { return node }
            let node = Node()
            children[name] = node
            return node
        }
    }

    private let root = Node()

    /// Reads a mask.
    ///
    /// - Throws: ``GoogleError`` `invalidParameter` (400) when parentheses do not match.
    package init(parsing text: String) throws {
        var bases: [Node] = [root]
        var current = root
        var name = ""
        func descend() {
            guard !name.isEmpty else { return }
            current = current.child(name)
            name = ""
        }
        for character in text {
            switch character {
            case ",":
                descend()
                current = bases[bases.count - 1]
            case "/", ".":
                descend()
            case "(":
                descend()
                bases.append(current)
            case ")":
                descend()
                guard bases.count > 1 else { throw Self.unbalanced(text) }
                current = bases.removeLast()
            case " ": continue
            default: name.append(character)
            }
        }
        descend()
        guard bases.count == 1 else { throw Self.unbalanced(text) }
    }

    private static func unbalanced(_ text: String) -> GoogleError {
        .invalid("Invalid field selection '\(text)': parentheses do not match.", reason: "invalidParameter")
    }

    /// Keeps what the mask names; arrays are looked through.
    package func apply(to document: JSON) -> JSON { Self.filter(document, by: root) }

    /// The members that the mask keeps of what is at a path; nil: all. What nobody asks for need not be made.
    package func members(at path: String...) -> Set<String>? {
        var node = root
        for step in path {
            if node.children.isEmpty { return nil }
            guard let child = node.children[step] ?? node.children["*"] else { return [] }
            node = child
        }
        return node.children.isEmpty || node.children["*"] != nil ? nil : Set(node.children.keys)
    }

    private static func filter(_ value: JSON, by node: Node) -> JSON {
        if node.children.isEmpty { return value }
        switch value {
        case .array(let elements): return .array(elements.map { filter($0, by: node) })
        case .object(let members):
            var kept: [String: JSON] = [:]
            for (key, member) in members {
                guard let child = node.children[key] ?? node.children["*"] else { continue }
                kept[key] = filter(member, by: child)
            }
            return .object(kept)
        default: return value
        }
    }
}
