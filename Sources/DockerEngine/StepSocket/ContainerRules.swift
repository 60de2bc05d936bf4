import GoogleAPI
import Workloads

// What a step may make a container of.
extension StepRules {
    /// Makes a container's description anew from the members that are allowed.
    ///
    /// - Throws: ``StepRefusal`` for whatever reaches beyond the container.
    func container(_ body: JSON) async throws -> JSON {
        var container = try body.keeping(
            [
                "Image", "Cmd", "Entrypoint", "Env", "WorkingDir", "User", "Hostname", "Domainname", "Labels", "Tty",
                "OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr", "ExposedPorts", "Volumes",
                "StopSignal", "StopTimeout", "Healthcheck", "HostConfig", "NetworkingConfig", "NetworkDisabled",
                "Shell",
                "ArgsEscaped", "OnBuild",
            ],
            as: "container"
        )
        container["Labels"] = labelled(container["Labels"])
        container["HostConfig"] = try await hostConfig(container["HostConfig"] ?? [:])
        container["NetworkingConfig"] = try await networking(container["NetworkingConfig"])
        return container
    }

    private func networking(_ config: JSON?) async throws -> JSON {
        var endpoints: JSON = [:]
        for (network, endpoint) in config?["EndpointsConfig"]?.object ?? [:] {
            try await checkNetwork(network)
            endpoints[network] = endpoint.isNull ? [:] : try Self.endpoint(endpoint)
        }
        return ["EndpointsConfig": endpoints]
    }

    private func hostConfig(_ given: JSON) async throws -> JSON {
        var config = try given.keeping(
            [
                "AutoRemove", "Binds", "Mounts", "Tmpfs", "NetworkMode", "Memory", "MemorySwap", "MemoryReservation",
                "NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares", "PidsLimit", "Ulimits", "ShmSize", "Init",
                "ReadonlyRootfs", "RestartPolicy", "LogConfig", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts",
                "GroupAdd",
                "CapDrop", "CapAdd", "SecurityOpt", "PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode",
                "Runtime", "VolumeDriver", "VolumesFrom", "Links", "ConsoleSize", "MemorySwappiness", "Isolation",
            ],
            as: "HostConfig"
        )
        for name in ["UTSMode", "UsernsMode"] { try Self.check(config[name], is: [""], name) }
        try Self.check(config["CgroupnsMode"], is: ["", "private"], "CgroupnsMode")
        try Self.check(config["Runtime"], is: ["", "runc"], "Runtime")
        try Self.check(config["VolumeDriver"], is: ["", "local"], "VolumeDriver")
        for name in ["PidMode", "IpcMode"] { config[name] = try await sharing(config[name]?.string ?? "", name) }
        let network = config["NetworkMode"]?.string ?? ""
        if network.hasPrefix("container:") {
            config["NetworkMode"] = try await sharing(network, "NetworkMode")
        } else {
            try await checkNetwork(network)
        }
        try Self.check(config["RestartPolicy"]?["Name"], is: ["", "no", "on-failure"], "RestartPolicy")
        for option in config["SecurityOpt"]?.stringArray ?? [] where !option.hasPrefix("no-new-privileges") {
            throw StepRefusal.option("SecurityOpt \(option)")
        }
        for name in config["CapAdd"]?.stringArray ?? [] where !Self.capabilities.contains(Self.plain(name)) {
            throw StepRefusal.option("CapAdd \(name)")
        }
        for member in ["VolumesFrom", "Links"] {
            var others: [String] = []
            for text in config[member]?.stringArray ?? [] {
                let name = text.prefix { $0 != ":" }
                others.append(try await own("containers", String(name.drop { $0 == "/" })) + text.dropFirst(name.count))
            }
            config[member] = JSON(others)
        }
        for limit in config["Ulimits"]?.array ?? [] where !Self.limitNames.contains(limit["Name"]?.string ?? "") {
            throw StepRefusal.option("Ulimits \(limit["Name"]?.string ?? "")")
        }
        for name in ["UTSMode", "UsernsMode", "CgroupnsMode", "Runtime", "VolumeDriver", "Isolation"] {
            config[name] = nil
        }
        try await mount(&config)
        limit(&config)
        config["LogConfig"] = ["Type": "json-file", "Config": ["max-size": "100m", "max-file": "1"]]
        return config
    }

    /// What containers have without being asked, so that naming it changes nothing.
    private static let capabilities: Set = [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
        "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    ]

    private static func plain(_ capability: String) -> String {
        let name = capability.uppercased()
        return name.hasPrefix("CAP_") ? String(name.dropFirst(4)) : name
    }

    private static func check(_ value: JSON?, is allowed: Set<String>, _ name: String) throws {
        guard let value, !value.isNull else { return }
        guard let text = value.string, allowed.contains(text) else { throw StepRefusal.option(name) }
    }

    /// What a process has of its own that is nobody else's.
    private static let limitNames: Set = ["nofile", "core", "stack", "fsize", "data", "cpu", "as", "nproc"]

    private func sharing(_ mode: String, _ name: String) async throws -> JSON {
        if ["", "private", "shareable", "none"].contains(mode) { return .string(mode) }
        guard mode.hasPrefix("container:") else { throw StepRefusal.option("\(name)=\(mode)") }
        return .string("container:" + (try await own("containers", String(mode.dropFirst(10)))))
    }

    // MARK: Mounts

    private func mount(_ config: inout JSON) async throws {
        var binds: [String] = []
        for bind in config["Binds"]?.stringArray ?? [] {
            let parts = bind.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw StepRefusal.hostPath(bind) }
            binds.append("\(try await source(parts[0])):\(try Self.target(parts[1]))")
        }
        config["Binds"] = JSON(binds)
        var mounts: [JSON] = []
        for mount in config["Mounts"]?.array ?? [] {
            var mount = try mount.keeping(["Type", "Source", "Target", "ReadOnly", "TmpfsOptions"], as: "Mount")
            let path = mount["Source"]?.string ?? ""
            switch mount["Type"]?.string {
            case "tmpfs": mount["Source"] = nil
            case "volume" where path.isEmpty: break
            case "volume", "bind":
                let source = try await source(path)
                mount["Type"] = source.hasPrefix("/") ? "bind" : "volume"
                mount["Source"] = .string(source)
            default: throw StepRefusal.option("Mount \(mount["Type"]?.string ?? "")")
            }
            mounts.append(mount)
        }
        config["Mounts"] = .array(mounts)
    }

    /// The volume that a step means by a path of its own or by a name.
    private func source(_ text: String) async throws -> String {
        guard text.hasPrefix("/") else {
            try await ensureOwnVolume(text)
            return text
        }
        let path = text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
        if ["/var/run/docker.sock", "/run/docker.sock"].contains(path) { return socketPath }
        // Only whole volumes: what lies below may be a link that leads out of it.
        guard let volume = volumes[path] else { throw StepRefusal.hostPath(text) }
        return volume
    }

    /// A path in the container, and the modes that concern nobody else.
    private static func target(_ text: String) throws -> String {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let modes = parts.count > 1 ? parts[1].split(separator: ",").map(String.init) : []
        guard parts.count <= 2, parts[0].hasPrefix("/"),
            modes.allSatisfy(["ro", "rw", "z", "Z", "nocopy", "consistent", "cached", "delegated"].contains)
        else { throw StepRefusal.option("mount \(text)") }
        return modes.contains("ro") ? "\(parts[0]):ro" : parts[0]
    }

    // MARK: Limits

    /// No more than a step of the build has.
    private func limit(_ config: inout JSON) {
        for name in ["Memory", "NanoCpus"] {
            guard let most = limits[name]?.integer, most > 0 else { continue }
            let asked = config[name]?.integer ?? 0
            config[name] = .integer(asked > 0 ? min(asked, most) : most)
        }
        if let most = limits["Memory"]?.integer, most > 0 { config["MemorySwap"] = config["Memory"] ?? .integer(most) }
        if config["NanoCpus"] != nil {
            // Two ways to say the same, of which the engine takes one.
            for name in ["CpuQuota", "CpuPeriod"] { config[name] = nil }
        }
        let processes = config["PidsLimit"]?.integer ?? 0
        config["PidsLimit"] = .integer(processes > 0 ? min(processes, Self.maximumProcesses) : Self.maximumProcesses)
    }
}
