import GoogleAPI

/// `$NAME` and `${NAME}` in a build, filled in once, when the build is created.
///
/// See [substituting variable values](https://docs.cloud.google.com/build/docs/configuring-builds/substitute-variable-values).
struct Substitutions {
    /// Values that Cloud Build itself gives; those that a build cannot have are empty.
    let builtIns: [String: String]
    private(set) var user: [String: String]
    /// With ALLOW_LOOSE an unknown `_NAME` becomes empty, and a value may be unused.
    let isLoose: Bool
    private(set) var used: Set<String> = []

    /// Built-in names that only triggers fill in; a build without a trigger may set them itself.
    static let ofTriggers: Set = [
        "TRIGGER_NAME", "COMMIT_SHA", "REVISION_ID", "SHORT_SHA", "REPO_NAME", "REPO_FULL_NAME", "BRANCH_NAME",
        "TAG_NAME", "REF_NAME", "TRIGGER_BUILD_CONFIG_PATH",
    ]

    init(builtIns: [String: String], user: [String: String], isLoose: Bool) {
        self.builtIns = builtIns
        self.user = user
        self.isLoose = isLoose
    }

    /// Checks the names of the user's own values.
    ///
    /// - Throws: ``GoogleError`` (400).
    func checkNames() throws {
        for (name, value) in user {
            let isOwn = name.hasPrefix("_") && name.utf8.allSatisfy(Self.isNamePart)
            guard isOwn || Self.ofTriggers.contains(name) else {
                throw GoogleError.invalidBuild(
                    "invalid value for 'build.substitutions': key \"\(name)\" must begin with '_' and hold only A-Z, 0-9 and _"
                )
            }
            guard name.utf8.count <= 100, value.utf8.count <= 4000 else {
                throw GoogleError.invalidBuild(
                    "invalid value for 'build.substitutions': \"\(name)\" is too long (names 100, values 4000 bytes)"
                )
            }
        }
        guard user.count <= 200 else {
            throw GoogleError.invalidBuild("invalid value for 'build.substitutions': more than 200 substitutions")
        }
    }

    /// Fills the user's values in with one another, as `dynamicSubstitutions` asks.
    ///
    /// - Throws: ``GoogleError`` (400).
    mutating func evaluate() throws {
        let dynamic = try DynamicSubstitutions(builtIns: builtIns, user: user)
        user = dynamic.values
        used.formUnion(dynamic.used)
    }

    /// Fills a text in, once: values are not looked at again.
    ///
    /// - Throws: ``GoogleError`` (400) with Cloud Build's words.
    mutating func expand(_ text: String) throws -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            guard byte == UInt8(ascii: "$"), position < bytes.count else {
                result.append(byte)
                continue
            }
            if bytes[position] == UInt8(ascii: "$") {
                result.append(byte)
                position += 1
                continue
            }
            let isBraced = bytes[position] == UInt8(ascii: "{")
            let start = isBraced ? position + 1 : position
            var end = start
            while end < bytes.count, Self.isNamePart(bytes[end]) { end += 1 }
            let isName = end > start && !(48...57).contains(bytes[start])
            guard isName, !isBraced || end < bytes.count && bytes[end] == UInt8(ascii: "}") else {
                result.append(byte)
                continue
            }
            result += try value(of: String(decoding: bytes[start..<end], as: UTF8.self)).utf8
            position = isBraced ? end + 1 : end
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Notes that all values are used, as automapSubstitutions does.
    mutating func useAll() { used.formUnion(user.keys) }

    /// Refuses values that nothing uses.
    func checkUse() throws {
        guard !isLoose, let unused = user.keys.sorted().first(where: { $0.hasPrefix("_") && !used.contains($0) }) else {
            return
        }
        throw GoogleError.invalidBuild(
            "invalid value for 'build.substitutions': key \"\(unused)\" in the substitution data is not matched in the template"
        )
    }

    /// Every value, for steps that have them as environment.
    var all: [String: String] { builtIns.merging(user) { $1 } }

    private mutating func value(of name: String) throws -> String {
        used.insert(name)
        if let value = user[name] ?? builtIns[name] { return value }
        if Self.ofTriggers.contains(name) { return "" }
        guard name.hasPrefix("_") else {
            throw GoogleError.invalidBuild(
                "invalid value for 'build.substitutions': key in the template \"\(name)\" is not a valid built-in substitution"
            )
        }
        guard isLoose else {
            throw GoogleError.invalidBuild(
                "invalid value for 'build.substitutions': key in the template \"\(name)\" is not matched in the substitution data"
            )
        }
        return ""
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        (65...90).contains(byte) || (48...57).contains(byte) || byte == 95
    }
}
