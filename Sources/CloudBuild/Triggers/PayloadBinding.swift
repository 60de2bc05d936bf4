import GoogleAPI

/// `$(body.repository.name)` in a trigger's substitutions: what a webhook's caller sent, by
/// [JSONPath](https://docs.cloud.google.com/build/docs/configuring-builds/use-bash-and-bindings-in-substitutions).
enum PayloadBinding {
    /// Fills a text in; what the payload does not have becomes empty.
    ///
    /// The text is expanded afterwards, as `dynamicSubstitutions` asks: a dollar sign that a caller sends is escaped, so
    /// that it can name no other value.
    static func fill(_ text: String, from payload: JSON?) -> String {
        guard let payload else { return text }
        return text.replacing(/\$\(body((?:\.[A-Za-z_][A-Za-z0-9_\-]*|\[[0-9]+\]|\['[^']*'\])*)\)/) { match in
            var value: JSON? = payload
            for step in match.1.matches(of: /\.([A-Za-z_][A-Za-z0-9_\-]*)|\[([0-9]+)\]|\['([^']*)'\]/) {
                if let name = step.1 ?? step.3 {
                    value = value?[String(name)]
                } else if let index = step.2.flatMap({ Int($0) }) {
                    value = value?[index]
                }
            }
            return Self.text(value).replacing("$", with: "$$")
        }
    }

    private static func text(_ value: JSON?) -> String {
        switch value {
        case nil, .null: ""
        case .string(let text): text
        case let value?: (try? value.data()).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
    }
}
