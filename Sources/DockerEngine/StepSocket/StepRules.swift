import Foundation
package import GoogleAPI
import NIOHTTP1
package import Workloads

/// What the steps of one workload may ask of the engine: a list of what is allowed, everything else is refused.
///
/// Containers, networks and volumes that steps make bear a label; others' are out of reach.
package struct StepRules: Sendable {
    let name: WorkloadName
    let cloud: String
    let things: any EngineThings
    /// By path in the steps: the volumes that are mounted there.
    let volumes: [String: String]
    /// The networks that the steps are in.
    let networks: Set<String>
    let reservedImages: Set<String>
    /// Of every container that a step makes, at most.
    let limits: JSON
    /// The file on the engine's machine that is these steps' own socket.
    let socketPath: String

    package init(
        name: WorkloadName,
        cloud: String,
        things: any EngineThings,
        volumes: [String: String],
        networks: Set<String>,
        reservedImages: Set<String>,
        limits: JSON,
        socketPath: String
    ) {
        self.name = name
        self.cloud = cloud
        self.things = things
        self.volumes = volumes
        self.networks = networks
        self.reservedImages = reservedImages
        self.limits = limits
        self.socketPath = socketPath
    }

    static let label = "brume.started-by"
    static let maximumProcesses: Int64 = 4096
    /// What the steps of one workload have at once, at most. An engine has addresses for some thirty networks.
    package static let maximum = ["containers": 64, "networks": 4, "volumes": 64]

    private enum Rule {
        case pass
        /// What follows the collection's name must be the build's own.
        case own
        /// Shows or removes only what is the build's own.
        case onlyOwn
        case build
        case pull
        case tag
        case removeImage
        case commit
        case createContainer
        case createExec
        case ofExec
        case createNetwork
        case connect
        case createVolume

        /// Whether the body is read, and made anew.
        var judgesBody: Bool {
            switch self {
            case .createContainer, .createExec, .createNetwork, .connect, .createVolume: true
            default: false
            }
        }
    }

    /// `*` stands for one segment, `**` for at least one, as in names of images.
    private static let table: [(HTTPMethod, String, Rule)] = [
        (.GET, "_ping", .pass), (.HEAD, "_ping", .pass), (.GET, "version", .pass), (.GET, "info", .pass),
        (.POST, "auth", .pass),
        (.POST, "build", .build), (.POST, "build/cancel", .pass), (.POST, "session", .pass),
        (.GET, "images/json", .pass), (.GET, "images/search", .pass), (.POST, "images/create", .pull),
        (.GET, "images/**/json", .pass), (.GET, "images/**/history", .pass), (.GET, "images/**/get", .pass),
        (.POST, "images/**/push", .pass), (.POST, "images/**/tag", .tag), (.DELETE, "images/**", .removeImage),
        (.GET, "distribution/**/json", .pass), (.POST, "commit", .commit),
        (.GET, "containers/json", .onlyOwn), (.POST, "containers/create", .createContainer),
        (.POST, "containers/prune", .onlyOwn),
        (.GET, "containers/*/json", .own), (.GET, "containers/*/top", .own), (.GET, "containers/*/logs", .own),
        (.GET, "containers/*/changes", .own), (.GET, "containers/*/export", .own), (.GET, "containers/*/stats", .own),
        (.GET, "containers/*/archive", .own), (.HEAD, "containers/*/archive", .own),
        (.PUT, "containers/*/archive", .own), (.POST, "containers/*/start", .own), (.POST, "containers/*/stop", .own),
        (.POST, "containers/*/restart", .own), (.POST, "containers/*/kill", .own), (.POST, "containers/*/pause", .own),
        (.POST, "containers/*/unpause", .own), (.POST, "containers/*/wait", .own),
        (.POST, "containers/*/resize", .own), (.POST, "containers/*/attach", .own), (.DELETE, "containers/*", .own),
        (.POST, "containers/*/exec", .createExec), (.POST, "exec/*/start", .ofExec), (.POST, "exec/*/resize", .ofExec),
        (.GET, "exec/*/json", .ofExec),
        (.GET, "networks", .pass), (.POST, "networks/create", .createNetwork), (.POST, "networks/prune", .onlyOwn),
        (.GET, "networks/*", .pass), (.DELETE, "networks/*", .own), (.POST, "networks/*/connect", .connect),
        (.POST, "networks/*/disconnect", .connect),
        (.GET, "volumes", .onlyOwn), (.POST, "volumes/create", .createVolume), (.POST, "volumes/prune", .onlyOwn),
        (.GET, "volumes/*", .own), (.DELETE, "volumes/*", .own),
        (.GET, "events", .onlyOwn),
    ]

    private static func rule(of call: EngineCall) throws -> Rule {
        guard let line = table.first(where: { $0.0 == call.method && matches($0.1, call.segments) }) else {
            throw StepRefusal.unknown(call)
        }
        return line.2
    }

    private static func matches(_ pattern: String, _ segments: [String]) -> Bool {
        let parts = pattern.split(separator: "/").map(String.init)
        guard let wide = parts.firstIndex(of: "**") else {
            return parts.count == segments.count && zip(parts, segments).allSatisfy { $0 == "*" || $0 == $1 }
        }
        let (before, after) = (parts[..<wide], parts[(wide + 1)...])
        return segments.count > before.count + after.count && segments.starts(with: before)
            && segments.suffix(after.count) == ArraySlice(after)
    }

    /// Whether a call's body has to be there, whole, to judge it.
    static func judgesBody(of call: EngineCall) throws -> Bool { try rule(of: call).judgesBody }

    /// Judges a call.
    ///
    /// - Returns: What may be sent to the engine in its place.
    /// - Throws: ``StepRefusal``.
    package func judge(_ call: EngineCall) async throws -> EngineCall {
        var call = call
        // Checkpoints lie in folders of the machine.
        if let name = call.query.map(\.name).first(where: { $0.hasPrefix("checkpoint") }) {
            throw StepRefusal.option(name)
        }
        switch try Self.rule(of: call) {
        case .pass: break
        case .own: call.segments[1] = try await own(call.segments[0], call.segments[1], status: 404)
        case .onlyOwn: try narrow(&call)
        case .build: try await checkBuild(&call)
        case .pull:
            guard ["", "-"].contains(call.value("fromSrc") ?? "") else { throw StepRefusal.option("fromSrc") }
            if call.value("fromSrc") != nil { try checkImage(call.value("repo")) }
        case .tag: try checkImage(call.value("repo"))
        case .removeImage: try await checkNames(ofImage: call.segments.dropFirst().joined(separator: "/"))
        case .commit:
            call.set("container", try await own("containers", call.value("container") ?? ""))
            try checkImage(call.value("repo"))
        case .createContainer:
            try checkName(call.value("name"))
            try await checkCount("containers")
            call.body = try await container(call.body ?? [:])
        case .createExec:
            call.segments[1] = try await own("containers", call.segments[1])
            call.body = try call.body?.keeping(
                [
                    "AttachStdin", "AttachStdout", "AttachStderr", "DetachKeys", "Tty", "Env", "Cmd", "User",
                    "WorkingDir", "ConsoleSize",
                ],
                as: "exec"
            )
        case .ofExec:
            let exec = try await things.find("/exec/\(call.segments[1])/json")
            _ = try await own("containers", exec?["ContainerID"]?.string ?? "")
        case .createNetwork:
            try await checkCount("networks")
            call.body = try network(call.body ?? [:])
        case .connect: try await connect(&call)
        case .createVolume:
            var body = try (call.body ?? [:]).keeping(["Name", "Labels", "Driver"], as: "volume")
            guard ["", "local"].contains(body["Driver"]?.string ?? "") else { throw StepRefusal.option("Driver") }
            if let name = body["Name"]?.string, !name.isEmpty {
                try await ensureOwnVolume(name)
            } else {
                try await checkCount("volumes")
            }
            body["Labels"] = labelled(body["Labels"])
            call.body = body
        }
        return call
    }

    // MARK: Whose

    /// - Returns: What names it for ever: the identifier of a container, since a name may be another's a moment later.
    /// - Throws: ``StepRefusal`` for what is there and is another's, or is not there.
    func own(_ collection: String, _ name: String, status: Int = 403) async throws -> String {
        let path = collection == "containers" ? "/containers/\(name)/json" : "/\(collection)/\(name)"
        guard Self.isName(name), let found = try await things.find(path),
            isOwn(collection == "containers" ? found["Config"]?["Labels"] : found["Labels"])
        else { throw StepRefusal.foreign(String(collection.dropLast()), name, status: status) }
        return collection == "containers" ? found["Id"]?.string ?? name : name
    }

    private func isOwn(_ labels: JSON?) -> Bool {
        let labels = labels?.strings ?? [:]
        // The steps themselves are the build's too.
        return labels[Self.label] == name.text || (labels["brume.cloud"] == cloud && labels["brume.name"] == name.text)
    }

    private static func isName(_ text: String) -> Bool { text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_.-]*/) != nil }

    /// Makes a volume of a name the build's own, if there is none of that name.
    func ensureOwnVolume(_ volume: String) async throws {
        guard Self.isName(volume) else { throw StepRefusal.hostPath(volume) }
        if volumes.values.contains(volume) { return }
        if let found = try await things.find("/volumes/\(volume)") {
            guard isOwn(found["Labels"]) else { throw StepRefusal.foreign("volume", volume) }
            return
        }
        try await checkCount("volumes")
        try await things.makeVolume(["Name": .string(volume), "Labels": labelled(nil)])
    }

    /// - Throws: ``StepRefusal`` when the steps have as many as they may.
    private func checkCount(_ collection: String) async throws {
        let filters: JSON = ["label": [.string("\(Self.label)=\(name)")]]
        let path = collection == "containers" ? "/containers/json" : "/\(collection)"
        let found = try await things.find(path, query: ["filters": filters.text, "all": "1"])
        let most = Self.maximum[collection] ?? 0
        guard (found?["Volumes"]?.array ?? found?.array ?? []).count < most else {
            throw StepRefusal.tooMany(collection, most)
        }
    }

    /// A client's labels without those that are Brume's, and with the one that says whose the thing is.
    func labelled(_ labels: JSON?) -> JSON {
        var labels = (labels?.strings ?? [:]).filter { !$0.key.hasPrefix("brume.") }
        // An image's labels become its containers', unless they are given another value.
        for name in ["cloud", "name", "part", "shape", "index", "init"] { labels["brume.\(name)"] = "" }
        labels[Self.label] = name.text
        return JSON(labels)
    }

    private func narrow(_ call: inout EngineCall) throws {
        var filters: JSON = [:]
        if let text = call.value("filters"), !text.isEmpty {
            filters = try JSON(parsing: Data(text.utf8))
        }
        guard filters.object != nil else { throw StepRefusal.option("filters") }
        // Values come as a list, and from older clients as an object with a truth for each.
        let wanted = filters["label"]?.array ?? filters["label"]?.object?.keys.sorted().map(JSON.string) ?? []
        filters["label"] = .array(wanted + [.string("\(Self.label)=\(name)")])
        call.set("filters", filters.text)
    }

    // MARK: Images

    /// - Throws: ``StepRefusal`` for a name that the catalogue's images have.
    private func checkImage(_ name: String?) throws {
        guard let name, !name.isEmpty else { return }
        var plain = ImageReference(name).repository
        for start in ["docker.io/", "index.docker.io/", "library/"] where plain.hasPrefix(start) {
            plain.removeFirst(start.count)
        }
        if reservedImages.contains(plain) || plain.hasPrefix("brume/") { throw StepRefusal.reservedImage(name) }
    }

    /// By an identifier an image goes with all its names.
    private func checkNames(ofImage name: String) async throws {
        try checkImage(name)
        let image = try await things.find("/images/\(name)/json")
        for tag in image?["RepoTags"]?.stringArray ?? [] { try checkImage(tag) }
    }

    private func checkBuild(_ call: inout EngineCall) async throws {
        let allowed: Set = [
            "t", "dockerfile", "q", "nocache", "pull", "rm", "forcerm", "buildargs", "labels", "target", "platform",
            "networkmode", "shmsize", "squash", "cachefrom", "extrahosts", "version", "session", "buildid", "ulimits",
            "outputs", "memory", "memswap", "cpuperiod", "cpuquota", "cpushares", "cpusetcpus", "cpusetmems",
        ]
        let plain: Set = ["", "0", "-1", "false", "null", "[]", "{}"]
        for (key, value) in call.query where !allowed.contains(key) && !plain.contains(value) {
            // A context of another place is fetched by the engine, with this machine's reach.
            guard key == "remote", value == "client-session" else { throw StepRefusal.option(key) }
        }
        for name in call.values("t") { try checkImage(name) }
        for mode in call.values("networkmode") { try await checkNetwork(mode) }
        for (key, name) in [("Memory", "memory"), ("MemorySwap", "memswap")] {
            if let limit = limits[key]?.integer, limit > 0 { call.set(name, String(limit)) }
        }
        if let cpus = limits["NanoCpus"]?.integer, cpus > 0 {
            call.set("cpuperiod", "100000")
            call.set("cpuquota", String(cpus / 10_000))
        }
    }

    // MARK: Networks

    private func network(_ body: JSON) throws -> JSON {
        var body = try body.keeping(
            ["Name", "Driver", "Internal", "Attachable", "Labels", "CheckDuplicate", "IPAM"],
            as: "network"
        )
        guard ["", "bridge"].contains(body["Driver"]?.string ?? "") else { throw StepRefusal.option("Driver") }
        _ = try (body["IPAM"] ?? [:]).keeping(["Driver"], as: "IPAM")
        body["IPAM"] = nil
        try checkName(body["Name"]?.string)
        body["Labels"] = labelled(body["Labels"])
        return body
    }

    private func connect(_ call: inout EngineCall) async throws {
        try await checkNetwork(call.segments[1])
        var body = try (call.body ?? [:]).keeping(["Container", "EndpointConfig", "Force"], as: "endpoint")
        body["Container"] = .string(try await own("containers", body["Container"]?.string ?? ""))
        if let endpoint = body["EndpointConfig"] { body["EndpointConfig"] = try Self.endpoint(endpoint) }
        call.body = body
    }

    /// What a container may say of its place in a network: an address would be another's identity.
    static func endpoint(_ endpoint: JSON) throws -> JSON {
        try endpoint.keeping(["Aliases"], as: "EndpointConfig")
    }

    /// - Throws: ``StepRefusal`` for the machine's own network, and for others'.
    func checkNetwork(_ mode: String) async throws {
        if ["", "default", "bridge", "none"].contains(mode) || networks.contains(mode) { return }
        guard mode != "host" else { throw StepRefusal.option("network=host") }
        _ = try await own("networks", mode)
    }

    /// Names of Brume's own containers cannot be taken before Brume takes them, and no name may be read as the beginning
    /// of an identifier, which would be another's when the name has gone.
    private func checkName(_ name: String?) throws {
        guard let name, !name.isEmpty else { return }
        guard name.contains(where: { !$0.isHexDigit }), !name.contains("."),
            !["instance-", "spare-", "build-", "job-"].contains(where: name.hasPrefix)
        else {
            throw StepRefusal(
                "The name '\(name)' looks like an identifier or like one of Brume's own: choose another, without '.'."
            )
        }
    }
}

/// What rules ask of the engine.
package protocol EngineThings: Sendable {
    /// Where the engine listens.
    var socketPath: String { get }
    /// What is at a path of the Docker Engine API; nil: nothing.
    func find(_ path: String, query: [String: String]) async throws -> JSON?
    func makeVolume(_ body: JSON) async throws
}

extension EngineThings {
    func find(_ path: String) async throws -> JSON? { try await find(path, query: [:]) }
}

extension DockerClient: EngineThings {
    func makeVolume(_ body: JSON) async throws { try await call(.POST, "/volumes/create", .json(body)) }
}

extension JSON {
    /// Keeps the members of these names; refuses others that ask for anything.
    func keeping(_ names: Set<String>, as place: String) throws -> JSON {
        guard let members = object else { throw StepRefusal(status: 400, "The \(place) is no JSON object.") }
        for (name, value) in members where !names.contains(name) && !value.asksForNothing {
            throw StepRefusal.option(name)
        }
        return .object(members.filter { names.contains($0.key) })
    }

    /// Whether this is what clients send for an option that nobody gave.
    var asksForNothing: Bool {
        switch self {
        case .null, .bool(false), .integer(0), .integer(-1), .string(""): true
        case .array(let elements): elements.allSatisfy(\.asksForNothing)
        case .object(let members): members.values.allSatisfy(\.asksForNothing)
        default: false
        }
    }
}
