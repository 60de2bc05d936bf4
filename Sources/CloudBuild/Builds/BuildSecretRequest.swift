import GoogleAPI

/// What a build says of secrets: `availableSecrets` defines variables, `secretEnv` of steps and options uses them.
///
/// See [using secrets](https://docs.cloud.google.com/build/docs/securing-builds/use-secrets).
struct BuildSecretRequest {
    private let document: JSON

    init(_ document: JSON) { self.document = document }

    /// The versions of secrets, by the variable that is to hold them.
    var versions: [String: String] {
        Dictionary(definitions.map { ($0.variable, $0.version) }, uniquingKeysWith: { first, _ in first })
    }

    /// The variables that a step is to have.
    func variables(of step: JSON) -> [String] {
        Self.names(document["options"]) + Self.names(step)
    }

    private var definitions: [(variable: String, version: String)] {
        (document["availableSecrets"]?["secretManager"]?.array ?? []).map {
            ($0["env"]?.string ?? "", $0["versionName"]?.string ?? "")
        }
    }

    private static func names(_ holder: JSON?) -> [String] { (holder?["secretEnv"]?.array ?? []).compactMap(\.string) }

    /// Checks that all that is used is defined, and all that is defined is used.
    ///
    /// - Throws: ``GoogleError`` `INVALID_ARGUMENT` (400), `notImplemented` (501) for secrets by Cloud KMS.
    func check() throws {
        let inline = document["availableSecrets"]?["inline"]?.array ?? []
        for (field, value) in [("availableSecrets.inline", inline), ("secrets", document["secrets"]?.array ?? [])] {
            guard value.isEmpty else {
                throw GoogleError.buildLacks("secrets encrypted by Cloud KMS ('\(field)'): keep them in Secret Manager")
            }
        }
        var defined = Set<String>()
        guard definitions.count <= 100 else { throw refuse("more than 100 secrets") }
        for (index, definition) in definitions.enumerated() {
            guard !definition.variable.isEmpty else { throw refuse("secret \(index) has no env") }
            guard !definition.version.isEmpty else { throw refuse("secret \(index) has no versionName") }
            guard defined.insert(definition.variable).inserted else {
                throw refuse("secretEnv \"\(definition.variable)\" is defined more than once")
            }
        }
        let used = try checkSteps(defined)
        if let unused = defined.subtracting(used).min() {
            throw refuse("secretEnv \"\(unused)\" is defined without being used")
        }
    }

    private func checkSteps(_ defined: Set<String>) throws -> Set<String> {
        var used = Set(Self.names(document["options"]))
        for (index, step) in (document["steps"]?.array ?? []).enumerated() {
            let names = Self.names(step)
            guard Set(names).count == names.count else { throw refuse("build step \(index) uses a secretEnv twice") }
            let plain = ((document["options"]?["env"]?.array ?? []) + (step["env"]?.array ?? []))
                .compactMap { $0.string.map { String($0.prefix { $0 != "=" }) } }
            if let both = variables(of: step).first(where: plain.contains) {
                throw refuse("build step \(index) has secret and non-secret env \"\(both)\"")
            }
            used.formUnion(names)
        }
        if let unknown = used.subtracting(defined).min() {
            throw refuse("secretEnv \"\(unknown)\" is used without being defined")
        }
        return used
    }

    private func refuse(_ why: String) -> GoogleError { .invalidBuild("invalid build: \(why)") }
}
