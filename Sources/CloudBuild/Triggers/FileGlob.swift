/// A pattern of file names: `*` and `?` within a folder, `**` over folders, `[a-z]`.
///
/// See `includedFiles` of [BuildTrigger](https://docs.cloud.google.com/build/docs/api/reference/rest/v1/projects.triggers).
struct FileGlob: Sendable {
    private let pattern: RE2Pattern

    /// - Throws: ``GoogleError`` (400) for a pattern that is none.
    init(_ text: String) throws {
        var expression = "^"
        var rest = Substring(text)
        while let character = rest.popFirst() {
            switch character {
            case "*":
                guard rest.first == "*" else {
                    expression += "[^/]*"
                    break
                }
                rest.removeFirst()
                if rest.first == "/" {
                    // `a/**/b` is also `a/b`.
                    rest.removeFirst()
                    expression += "(?:.*/)?"
                } else {
                    expression += ".*"
                }
            case "?": expression += "[^/]"
            case "[":
                guard let end = rest.dropFirst().firstIndex(of: "]") else { fallthrough }
                expression += "[" + rest[..<end].replacing("\\", with: "\\\\") + "]"
                rest = rest[rest.index(after: end)...]
            default:
                expression +=
                    character.isLetter || character.isNumber || character == "/" || !character.isASCII
                    ? String(character) : "\\\(character)"
            }
        }
        pattern = try RE2Pattern(expression + "$")
    }

    func accepts(_ file: String) -> Bool { pattern.isFound(in: file) }
}
