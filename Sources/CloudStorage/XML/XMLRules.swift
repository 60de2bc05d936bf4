import GoogleAPI

/// The documents of the XML API that are lists of rules.
extension XMLSetting {
    static let cors = XMLSetting(member: "cors") { bucket, dialect in
        let rules = bucket.document["cors"]?.array ?? []
        func list(_ name: String, _ values: JSON?) -> String {
            (values?.array ?? []).compactMap(\.string).map { XML.element(name, $0) }.joined()
        }
        switch dialect {
        case .google:
            let content = rules.map { rule in
                "<Cors><Origins>" + list("Origin", rule["origin"]) + "</Origins><Methods>"
                    + list("Method", rule["method"]) + "</Methods><ResponseHeaders>"
                    + list("ResponseHeader", rule["responseHeader"]) + "</ResponseHeaders>"
                    + (rule["maxAgeSeconds"]?.integer.map { XML.element("MaxAgeSec", String($0)) } ?? "") + "</Cors>"
            }
            return XML.document("CorsConfig", namespace: nil, content.joined())
        case .amazon:
            let content = rules.map { rule in
                "<CORSRule>" + list("AllowedOrigin", rule["origin"]) + list("AllowedMethod", rule["method"])
                    + list("AllowedHeader", rule["responseHeader"]) + list("ExposeHeader", rule["responseHeader"])
                    + (rule["maxAgeSeconds"]?.integer.map { XML.element("MaxAgeSeconds", String($0)) } ?? "")
                    + "</CORSRule>"
            }
            return XML.document("CORSConfiguration", content.joined())
        }
    } parse: { body in
        func texts(_ tags: [XMLTag]) -> [String] { tags.map(\.text.trimmed) }
        func rule(_ origins: [String], _ methods: [String], _ headers: [String], age: String?) throws -> JSON {
            guard !origins.isEmpty, !methods.isEmpty else {
                throw GoogleError.malformedXML("each rule names origins and methods")
            }
            var rule: JSON = [
                "origin": .array(origins.map(JSON.string)), "method": .array(methods.map(JSON.string)),
            ]
            if !headers.isEmpty { rule["responseHeader"] = .array(headers.map(JSON.string)) }
            if let age {
                guard let seconds = Int64(age.trimmed), seconds >= 0 else {
                    throw GoogleError.malformedXML("'\(age)' is no number of seconds")
                }
                rule["maxAgeSeconds"] = .integer(seconds)
            }
            return rule
        }
        if body.name == "CorsConfig" {
            return .array(
                try body.all("Cors").map { tag in
                    try rule(
                        texts(tag["Origins"]?.all("Origin") ?? []),
                        texts(tag["Methods"]?.all("Method") ?? []),
                        texts(tag["ResponseHeaders"]?.all("ResponseHeader") ?? []),
                        age: tag.text("MaxAgeSec")
                    )
                }
            )
        }
        return .array(
            try body.named("CORSConfiguration").all("CORSRule").map { tag in
                // Google has one list for the headers that are allowed and that are shown.
                let headers = texts(tag.all("AllowedHeader")) + texts(tag.all("ExposeHeader"))
                return try rule(
                    texts(tag.all("AllowedOrigin")),
                    texts(tag.all("AllowedMethod")),
                    headers.reduce(into: []) { if !$0.contains($1) { $0.append($1) } },
                    age: tag.text("MaxAgeSeconds")
                )
            }
        )
    }

    static let lifecycle = XMLSetting(member: "lifecycle") { bucket, _ in
        let rules = (bucket.document["lifecycle"]?["rule"]?.array ?? []).map { rule in
            let type = rule["action"]?["type"]?.string ?? ""
            let action =
                type == "SetStorageClass"
                ? XML.element(type, rule["action"]?["storageClass"]?.string ?? "") : "<\(type)/>"
            let conditions = LifecycleTerm.all.map { $0.render(rule["condition"]?[$0.member]) }
            return "<Rule><Action>\(action)</Action><Condition>\(conditions.joined())</Condition></Rule>"
        }
        return XML.document("LifecycleConfiguration", namespace: nil, rules.joined())
    } parse: { body in
        let rules = try body.named("LifecycleConfiguration").all("Rule").map { tag -> JSON in
            guard let action = tag["Action"]?.children.first else {
                throw GoogleError.malformedXML("each rule has an 'Action' and a 'Condition', in Google's words")
            }
            var rule: JSON = ["action": ["type": .string(action.name)]]
            if action.name == "SetStorageClass" { rule["action"]?["storageClass"] = .string(action.text.trimmed) }
            var condition: JSON = [:]
            for tag in tag["Condition"]?.children ?? [] {
                guard let term = LifecycleTerm.all.first(where: { $0.name == tag.name }) else {
                    throw GoogleError.malformedXML("'\(tag.name)' is no condition")
                }
                condition[term.member] = try term.parse(tag.text.trimmed, after: condition[term.member])
            }
            rule["condition"] = condition
            return rule
        }
        return rules.isEmpty ? .null : ["rule": .array(rules)]
    }
}

/// A condition of a lifecycle rule, in both APIs.
private struct LifecycleTerm {
    enum Kind { case number, flag, text, list }

    var member: String
    var name: String
    var kind: Kind

    static let all = [
        LifecycleTerm(member: "age", name: "Age", kind: .number),
        LifecycleTerm(member: "createdBefore", name: "CreatedBefore", kind: .text),
        LifecycleTerm(member: "isLive", name: "IsLive", kind: .flag),
        LifecycleTerm(member: "numNewerVersions", name: "NumberOfNewerVersions", kind: .number),
        LifecycleTerm(member: "matchesStorageClass", name: "MatchesStorageClass", kind: .list),
        LifecycleTerm(member: "matchesPrefix", name: "MatchesPrefix", kind: .list),
        LifecycleTerm(member: "matchesSuffix", name: "MatchesSuffix", kind: .list),
        LifecycleTerm(member: "daysSinceNoncurrentTime", name: "DaysSinceNoncurrentTime", kind: .number),
        LifecycleTerm(member: "noncurrentTimeBefore", name: "NoncurrentTimeBefore", kind: .text),
        LifecycleTerm(member: "daysSinceCustomTime", name: "DaysSinceCustomTime", kind: .number),
        LifecycleTerm(member: "customTimeBefore", name: "CustomTimeBefore", kind: .text),
    ]

    func render(_ value: JSON?) -> String {
        guard let value else { return "" }
        return switch kind {
        case .number: value.integer.map { XML.element(name, String($0)) } ?? ""
        case .flag: value.bool.map { XML.element(name, String($0)) } ?? ""
        case .text: value.string.map { XML.element(name, $0) } ?? ""
        case .list: (value.array ?? []).compactMap(\.string).map { XML.element(name, $0) }.joined()
        }
    }

    /// - Parameter earlier: What the condition holds already: lists are written one element after the other.
    func parse(_ text: String, after earlier: JSON?) throws -> JSON {
        switch kind {
        case .number:
            guard let number = Int64(text) else { throw GoogleError.malformedXML("'\(name)' is a whole number") }
            return .integer(number)
        case .flag: return .bool(text.lowercased() == "true")
        case .text: return .string(text)
        case .list: return .array((earlier?.array ?? []) + [.string(text)])
        }
    }
}
