/// Reads the little XML that clients send: elements, texts, references to characters, and comments.
///
/// Foundation's reader brings libxml2 and its libraries into every start of the daemon, for documents of a few lines.
/// This one knows no document types, so nothing can be made to expand or to be fetched.
struct XMLReader {
    private var rest: ArraySlice<UInt8>
    private var depth = 0

    init(bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The root element; nil for what is not well-formed.
    mutating func document() -> XMLTag? {
        guard skipAround(), let root = element(), skipAround(), rest.isEmpty else { return nil }
        return root
    }

    /// Skips spaces, comments and declarations outside of the root.
    private mutating func skipAround() -> Bool {
        while true {
            skipSpace()
            if take("<?") {
                guard skip(through: "?>") else { return false }
            } else if take("<!--") {
                guard skip(through: "-->") else { return false }
            } else {
                return true
            }
        }
    }

    private mutating func element() -> XMLTag? {
        guard depth < 16, take("<"), let name = name() else { return nil }
        depth += 1
        defer { depth -= 1 }
        var tag = XMLTag(name: name.local)
        guard readAttributes(of: &tag) else { return nil }
        if take("/>") { return tag }
        guard take(">") else { return nil }
        var text: [UInt8] = []
        while let byte = rest.first {
            if take("</") {
                guard let end = self.name(), end.full == name.full else { return nil }
                skipSpace()
                guard take(">"), let text = String(validating: text, as: UTF8.self) else { return nil }
                tag.text = text
                return tag
            } else if take("<!--") {
                guard skip(through: "-->") else { return nil }
            } else if take("<![CDATA[") {
                let start = rest
                guard skip(through: "]]>") else { return nil }
                text += start[..<rest.startIndex].dropLast(3)
            } else if byte == UInt8(ascii: "<") {
                guard let child = element() else { return nil }
                tag.children.append(child)
            } else if byte == UInt8(ascii: "&") {
                guard let character = reference() else { return nil }
                text += Array(String(character).utf8)
            } else {
                text.append(byte)
                rest.removeFirst()
            }
        }
        return nil
    }

    /// A name with and without its prefix.
    private mutating func name() -> (full: String, local: String)? {
        let bytes = rest.prefix { !" \t\r\n/>=<&".utf8.contains($0) }
        guard !bytes.isEmpty, bytes.first != UInt8(ascii: "!"), let full = String(validating: bytes, as: UTF8.self)
        else { return nil }
        rest = rest.dropFirst(bytes.count)
        return (full, full.split(separator: ":").last.map { String($0) } ?? full)
    }

    private mutating func readAttributes(of tag: inout XMLTag) -> Bool {
        while true {
            skipSpace()
            guard let byte = rest.first, byte != UInt8(ascii: ">"), byte != UInt8(ascii: "/") else { return true }
            guard let name = name() else { return false }
            skipSpace()
            guard take("=") else { return false }
            skipSpace()
            guard let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
                return false
            }
            rest.removeFirst()
            guard let end = rest.firstIndex(of: quote), let text = String(validating: rest[..<end], as: UTF8.self)
            else { return false }
            tag.attributes[name.local] = text
            rest = rest[rest.index(after: end)...]
        }
    }

    /// `&amp;`, `&#252;`, `&#xfc;`
    private mutating func reference() -> Character? {
        guard let end = rest.prefix(12).firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let name = String(decoding: rest[..<end].dropFirst(), as: UTF8.self)
        rest = rest[rest.index(after: end)...]
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            let number =
                name.hasPrefix("#x")
                ? UInt32(name.dropFirst(2), radix: 16)
                : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
            return number.flatMap(Unicode.Scalar.init).map { Character($0) }
        }
    }

    private mutating func skipSpace() { rest = rest.drop { $0 == 32 || (9...13).contains($0) } }

    private mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    private mutating func skip(through end: String) -> Bool {
        while !rest.isEmpty {
            if take(end) { return true }
            rest.removeFirst()
        }
        return false
    }
}
