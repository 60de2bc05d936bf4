import Foundation
import GoogleAPI

/// Reads what a client asks to build, refuses what cannot be built, and fills substitutions in.
///
/// Refusals carry Cloud Build's own words where they are known.
struct BuildRequest {
    /// The build with enums by name, defaults and substitutions filled in.
    private(set) var document: JSON
    private var substitutions: Substitutions

    init(_ request: JSON, substitutions builtIns: [String: String]) throws {
        document = request
        let user = (request["substitutions"]?.object ?? [:]).compactMapValues(\.string)
        Self.nameEnums(&document)
        substitutions = Substitutions(
            builtIns: builtIns,
            user: user,
            isLoose: document["options"]?["substitutionOption"]?.string == "ALLOW_LOOSE"
        )
        try substitutions.checkNames()
        if document["options"]?["dynamicSubstitutions"]?.bool ?? false { try substitutions.evaluate() }
        try checkSteps()
        try BuildSecretRequest(document).check()
        try checkOptions()
        try checkTimes()
        try fillIn()
        try substitutions.checkUse()
        try checkImages()
        _ = try ArtifactsRequest(document)
    }

    // MARK: Checks

    private func checkSteps() throws {
        let steps = document["steps"]?.array ?? []
        guard !steps.isEmpty else {
            throw GoogleError.invalidBuild("invalid build: .steps field is empty: a build must have at least one step")
        }
        guard steps.count <= 300 else { throw GoogleError.invalidBuild("invalid build: more than 300 steps") }
        var ids = Set<String>()
        for (index, step) in steps.enumerated() {
            func refuse(_ why: String) -> GoogleError { .invalidBuild("invalid build: build step \(index): \(why)") }
            guard let name = step["name"]?.string, !name.isEmpty else { throw refuse("name field is required") }
            let arguments = step["args"]?.array ?? []
            if let script = step["script"]?.string, !script.isEmpty {
                guard arguments.isEmpty, step["entrypoint"]?.string ?? "" == "" else {
                    throw refuse("script cannot be used with args or entrypoint")
                }
            }
            if let long = arguments.first(where: { ($0.string ?? "").utf8.count > 10_000 }) {
                throw refuse("argument too long (\((long.string ?? "").utf8.count) bytes, at most 10000)")
            }
            guard arguments.count <= 100 else { throw refuse("more than 100 args") }
            for wanted in (step["waitFor"]?.array ?? []).compactMap(\.string) where wanted != "-" {
                guard ids.contains(wanted) else {
                    throw refuse("waitFor: step \"\(wanted)\" is not an earlier step's id")
                }
            }
            if let id = step["id"]?.string, !id.isEmpty {
                guard id != "-" else { throw refuse("id cannot be \"-\"") }
                guard ids.insert(id).inserted else { throw refuse("duplicate step id \"\(id)\"") }
            }
            for entry in (step["env"]?.array ?? []).compactMap(\.string) where !entry.contains("=") {
                throw refuse("env \"\(entry)\" must be KEY=VALUE")
            }
            try checkVolumes(step["volumes"]?.array ?? [], refuse)
            if let timeout = step["timeout"]?.string, BuildDuration.read(timeout) == nil {
                throw refuse("timeout \"\(timeout)\" is no duration such as \"300s\"")
            }
        }
        try checkSharing(steps)
    }

    private func checkVolumes(_ volumes: [JSON], _ refuse: (String) -> GoogleError) throws {
        var seen = Set<String>()
        for volume in volumes {
            let name = volume["name"]?.string ?? ""
            let path = volume["path"]?.string ?? ""
            let isNamed =
                name.utf8.count >= 2 && name.first.map { $0.isLetter || $0.isNumber } == true
                && name.utf8.allSatisfy {
                    (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                        || [45, 46, 95].contains($0)
                }
            guard isNamed else { throw refuse("volume name \"\(name)\" must match [a-zA-Z0-9][a-zA-Z0-9_.-]+") }
            guard path.hasPrefix("/"), !path.contains("..") else {
                throw refuse("volume path \"\(path)\" must be an absolute path")
            }
            let reserved = ["/workspace", "/builder/home", "/builder/outputs", "/var/run/docker.sock"]
            guard !reserved.contains(path), path != "/", !path.hasPrefix("/cloudbuild/") else {
                throw refuse("volume path \"\(path)\" is reserved")
            }
            guard seen.insert(name).inserted, seen.insert(path).inserted else {
                throw refuse("volume \"\(name)\" at \"\(path)\" is given twice")
            }
        }
    }

    private func checkSharing(_ steps: [JSON]) throws {
        var users: [String: Int] = [:]
        for step in steps {
            for volume in step["volumes"]?.array ?? [] { users[volume["name"]?.string ?? "", default: 0] += 1 }
        }
        if let lonely = users.filter({ $0.value < 2 }).keys.sorted().first {
            throw GoogleError.invalidBuild("invalid build: volume \"\(lonely)\" is only used by one step")
        }
    }

    /// The kinds of sources that a build may have.
    private static let sources = ["storageSource", "repoSource", "gitSource", "connectedRepository"]

    private func checkOptions() throws {
        if let source = document["source"]?.object, !source.keys.contains(where: Self.sources.contains) {
            let kind = source.keys.sorted().first ?? "nothing"
            throw GoogleError.buildLacks("sources of the kind '\(kind)': give \(Self.sources.joined(separator: ", "))")
        }
        if let source = document["source"]?["storageSource"] {
            guard let bucket = source["bucket"]?.string, !bucket.isEmpty, let object = source["object"]?.string,
                !object.isEmpty
            else { throw GoogleError.invalidBuild("invalid build: storageSource needs a bucket and an object") }
        }
        let named = document["options"]?["machineType"]?.string ?? "UNSPECIFIED"
        guard named == "UNSPECIFIED" || document["options"]?["pool"] == nil else {
            throw GoogleError.invalidBuild("invalid build: 'options.machineType' cannot be used with a private pool")
        }
        if let machine = document["options"]?["machineType"]?.string, BuildMachine.resources(machine) == nil {
            throw GoogleError.invalidBuild(
                "invalid value for 'build.options.machine_type': \"\(machine)\"; known: \(BuildMachine.names.joined(separator: ", "))"
            )
        }
    }

    private func checkTimes() throws {
        let limit = Duration.seconds(24 * 3600)
        for field in ["timeout", "queueTtl"] {
            guard let text = document[field]?.string else { continue }
            guard let time = BuildDuration.read(text), time > .zero else {
                throw GoogleError.invalidBuild("invalid build: \(field) \"\(text)\" is no duration such as \"300s\"")
            }
            guard field == "queueTtl" || time <= limit else {
                throw GoogleError.invalidBuild("invalid build: timeout exceeds the maximum of 24h0m0s")
            }
        }
        let whole = BuildDuration.read(document["timeout"]?.string) ?? .seconds(3600)
        for (index, step) in (document["steps"]?.array ?? []).enumerated() {
            guard let time = BuildDuration.read(step["timeout"]?.string), time > whole else { continue }
            throw GoogleError.invalidBuild("invalid build: build step \(index): timeout exceeds the build's timeout")
        }
    }

    private func checkImages() throws {
        let images = document["images"]?.array ?? []
        let others = document["artifacts"]?["images"]?.array ?? []
        guard images.isEmpty || others.isEmpty || Set(images.compactMap(\.string)) == Set(others.compactMap(\.string))
        else {
            throw GoogleError.invalidBuild(
                "invalid build: 'images' and 'artifacts.images' must be equal if both are given"
            )
        }
        guard images.count + others.count <= 200 else {
            throw GoogleError.invalidBuild("invalid build: more than 100 images")
        }
        for image in images + others {
            guard let name = image.string, !name.isEmpty, !name.contains(" ") else {
                throw GoogleError.invalidBuild("invalid image name \"\(image.string ?? "")\"")
            }
        }
        for tag in (document["tags"]?.array ?? []).compactMap(\.string) {
            let isFit =
                tag.utf8.count <= 128 && !tag.isEmpty
                && tag.utf8.allSatisfy {
                    (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                        || [45, 46, 95].contains($0)
                }
            guard isFit else { throw GoogleError.invalidBuild("invalid build: invalid build tag \"\(tag)\"") }
        }
    }

    // MARK: Filling in

    private mutating func fillIn() throws {
        var document = document
        defer { self.document = document }
        let automapsAll = document["options"]?["automapSubstitutions"]?.bool ?? false
        var steps: [JSON] = []
        for var step in document["steps"]?.array ?? [] {
            for field in ["name", "dir", "entrypoint"] { try expand(field, of: &step) }
            for field in ["args", "env"] { try expandAll(field, of: &step) }
            if let volumes = step["volumes"]?.array {
                step["volumes"] = .array(
                    try volumes.map { volume in
                        var volume = volume
                        for field in ["name", "path"] { try expand(field, of: &volume) }
                        return volume
                    }
                )
            }
            if step["automapSubstitutions"]?.bool ?? automapsAll {
                substitutions.useAll()
                let environment = (step["env"]?.array ?? []).compactMap(\.string)
                let own = Set(environment.map { String($0.prefix { $0 != "=" }) })
                let mapped = substitutions.all.filter { !own.contains($0.key) }.sorted { $0.key < $1.key }
                step["env"] = .array((mapped.map { "\($0.key)=\($0.value)" } + environment).map(JSON.string))
            }
            steps.append(step)
        }
        document["steps"] = .array(steps)
        try expandAll("images", of: &document)
        try expandAll("tags", of: &document)
        for field in ["logsBucket", "serviceAccount"] { try expand(field, of: &document) }
        if var artifacts = document["artifacts"] {
            try expandAll("images", of: &artifacts)
            if var objects = artifacts["objects"] {
                try expand("location", of: &objects)
                try expandAll("paths", of: &objects)
                artifacts["objects"] = objects
            }
            if let packages = artifacts["pythonPackages"]?.array {
                artifacts["pythonPackages"] = .array(
                    try packages.map { package in
                        var package = package
                        try expand("repository", of: &package)
                        try expandAll("paths", of: &package)
                        return package
                    }
                )
            }
            document["artifacts"] = artifacts
        }
        if let secrets = document["availableSecrets"]?["secretManager"]?.array {
            document["availableSecrets"] = [
                "secretManager": .array(
                    try secrets.map { secret in
                        var secret = secret
                        try expand("versionName", of: &secret)
                        return secret
                    }
                )
            ]
        }
        if var options = document["options"] {
            try expandAll("env", of: &options)
            try expand("workerPool", of: &options)
            if var pool = options["pool"] {
                try expand("name", of: &pool)
                options["pool"] = pool
            }
            document["options"] = options
        }
        if let tags = document["tags"]?.array {
            var seen = Set<String>()
            document["tags"] = .array(
                tags.filter { !($0.string ?? "").isEmpty && seen.insert($0.string ?? "").inserted }
            )
        }
    }

    private mutating func expand(_ field: String, of value: inout JSON) throws {
        guard let text = value[field]?.string else { return }
        value[field] = .string(try substitutions.expand(text))
    }

    private mutating func expandAll(_ field: String, of value: inout JSON) throws {
        guard let elements = value[field]?.array else { return }
        var expanded: [JSON] = []
        for element in elements {
            guard let text = element.string else {
                throw GoogleError.invalidBuild("invalid build: \(field) must be a list of texts")
            }
            expanded.append(.string(try substitutions.expand(text)))
        }
        value[field] = .array(expanded)
    }

    // MARK: Enums

    /// Python clients send enums as numbers.
    private static let enums: [String: [String]] = [
        "machineType": BuildMachine.names,
        "substitutionOption": ["MUST_MATCH", "ALLOW_LOOSE"],
        "logStreamingOption": ["STREAM_DEFAULT", "STREAM_ON", "STREAM_OFF"],
        "logging": ["LOGGING_UNSPECIFIED", "LEGACY", "GCS_ONLY", "STACKDRIVER_ONLY", "NONE", "CLOUD_LOGGING_ONLY"],
        "requestedVerifyOption": ["NOT_VERIFIED", "VERIFIED"],
        "defaultLogsBucketBehavior": [
            "DEFAULT_LOGS_BUCKET_BEHAVIOR_UNSPECIFIED", "REGIONAL_USER_OWNED_BUCKET", "LEGACY_BUCKET",
        ],
    ]

    private static func nameEnums(_ document: inout JSON) {
        guard var options = document["options"], options.object != nil else { return }
        for (field, names) in enums {
            guard case .integer(let number)? = options[field], names.indices.contains(Int(number)) else { continue }
            options[field] = .string(names[Int(number)])
        }
        document["options"] = options
    }
}
