import Foundation
import GoogleAPI
import NIOCore
import NIOHTTP1
import Synchronization
import Workloads

/// The program with which an image boots, and whether it is systemd.
struct InitProgram: Sendable {
    var path: String
    var isSystemd: Bool
}

// A process of Brume's, as a container.
extension DockerEngine {
    /// What a container is a part of.
    struct Place {
        var workload: WorkloadName
        var part: String
        var shape: String
        var labels: [String: String]
        var index = 0
        var bootsInit = false
        var wrapper: [String] = []
        var virtualMachine: VirtualMachine?
        var workspace: (volume: String, path: String)?
        /// The folder of the socket behind which a step finds the engine.
        var socketFolder: String?

        /// A machine's container has the workload's own name.
        var containerName: String { shape == "machine" ? workload.text : "\(workload).\(part)" }
    }

    /// Creates a container, with its files and trusted authorities inside; one of its name counts as made.
    func createContainer(_ process: ProcessSpec, at place: Place) async throws {
        let docker = try await host.client()
        guard try await docker.find("/containers/\(place.containerName)/json") == nil else { return }
        guard let image = try await docker.find("/images/\(process.image)/json"), let imageID = image["Id"]?.string
        else { throw EngineError.imageMissing(process.image) }
        if let network = process.network?.network, try await docker.find("/networks/\(network)") == nil {
            throw EngineError.notFound("There is no network '\(network)'.")
        }
        let boot = place.bootsInit ? try await initProgram(of: imageID) : nil
        let devices = try await claim(process.accelerators)
        defer { giveBack(devices) }
        var body = try await createBody(process, at: place, boot: boot, devices: devices)
        if let virtualMachine = place.virtualMachine {
            virtualMachine.take(
                over: &body,
                process: process,
                boot: boot,
                wrapper: place.wrapper,
                image: image["Config"]
            )
            body["HostConfig"]?.merge(limits(virtualMachine.limits(process.resources), cpus: try await facts().cpus))
        }
        // A container counts as made once its files are in it: it gets its name last.
        let provisional = place.containerName + ".new"
        try await removeContainer(provisional)
        do {
            try await docker.call(.POST, "/containers/create", query: ["name": provisional], .json(body))
            let links = place.socketFolder.map { _ in StepSockets.links } ?? [:]
            var process = process
            if let virtualMachine = place.virtualMachine {
                process.files.append(virtualMachine.sizeFile(process.resources, cpus: try await facts().cpus))
            }
            try await provision(provisional, imageID: imageID, process, links: links)
            try await docker.call(
                .POST,
                "/containers/\(provisional)/rename",
                query: ["name": place.containerName]
            )
        } catch {
            try? await removeContainer(provisional)
            guard let failure = error as? DockerClient.Failure else { throw error }
            if failure.status == 409, failure.message.contains("already in use") { return }
            throw EngineError.refused(failure.message)
        }
        await hub.publish(place.workload)
    }

    func removeContainer(_ name: String) async throws {
        do {
            try await host.client().call(.DELETE, "/containers/\(name)", query: ["force": "1", "v": "1"])
        } catch let failure as DockerClient.Failure where failure.status == 404 {
            return
        } catch let failure as DockerClient.Failure where failure.status == 409 {
            return  // Its removal is in progress.
        }
    }

    private func createBody(
        _ process: ProcessSpec,
        at place: Place,
        boot: InitProgram?,
        devices: [AcceleratorDevice]
    ) async throws -> JSON {
        let facts = try await facts()
        var environment = process.environment
        for device in devices { environment.merge(device.environment) { $1 } }
        var labels = labels(of: place)
        if process.resources.processorTime == .leftOver { labels[Self.yieldingLabel] = "1" }
        if !devices.isEmpty { labels[AcceleratorDevice.label] = devices.map(\.id).joined(separator: ",") }
        var body: JSON = [
            "Image": .string(process.image.text),
            "Env": JSON(environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }),
            "Labels": JSON(labels),
        ]
        if let entrypoint = process.entrypoint { body["Entrypoint"] = JSON(entrypoint) }
        if let arguments = process.arguments { body["Cmd"] = JSON(arguments) }
        if let folder = process.workingDirectory { body["WorkingDir"] = .string(folder) }
        if let user = process.user { body["User"] = .string(user) }
        if let hostname = process.hostname { body["Hostname"] = .string(String(hostname.prefix(63))) }

        // Who follows a log loses what is rotated away before it was read. The log of a step is wanted whole.
        let logLimits: JSON =
            place.workspace == nil ? ["max-size": "100m", "max-file": "2"] : ["max-size": "4g", "max-file": "1"]
        var config: JSON = ["LogConfig": ["Type": "json-file", "Config": logLimits]]
        var binds: [String] = []
        var tmpfs: [String: String] = [:]
        for mount in process.mounts {
            let suffix = mount.isReadOnly ? ":ro" : ""
            switch mount.source {
            case .volume(let name): binds.append("\(name):\(mount.path)\(suffix)")
            case .tools(let folder): binds.append("\(folder):\(mount.path)\(suffix)")
            case .memory: tmpfs[mount.path] = ""
            }
        }
        if let workspace = place.workspace { binds.append("\(workspace.volume):\(workspace.path)") }
        if let folder = place.socketFolder { binds.append("\(folder):\(StepSockets.mountPath):ro") }
        if let boot {
            body["Entrypoint"] = []
            body["Cmd"] = JSON(place.wrapper + [boot.path])
            body["Tty"] = true
            body["User"] = "0"
            if boot.isSystemd { body["StopSignal"] = "SIGRTMIN+3" }
            config["CgroupnsMode"] = "private"
            config["CapAdd"] = ["SYS_ADMIN", "SYS_BOOT"]
            tmpfs["/run"] = "exec"
            tmpfs["/run/lock"] = ""
        } else {
            if let entrypoint = process.entrypoint, !place.wrapper.isEmpty {
                body["Entrypoint"] = JSON(place.wrapper + entrypoint)
            }
            config["Init"] = true
        }
        binds += devices.flatMap(\.binds)
        config["Binds"] = JSON(binds)
        config["Tmpfs"] = JSON(tmpfs)
        config.merge(limits(process.resources, cpus: facts.cpus))
        // A step that forks without end is stopped by this before it stops the machine.
        if place.workspace != nil { config["PidsLimit"] = .integer(StepRules.maximumProcesses) }
        config.merge(AcceleratorDevice.configuration(devices))
        if let network = process.network {
            config["NetworkMode"] = .string(network.network)
            if !network.nameServers.isEmpty { config["Dns"] = JSON(network.nameServers) }
            if !network.searchDomains.isEmpty { config["DnsSearch"] = JSON(network.searchDomains) }
            // What `hostname -f` says, by the container's own list of hosts.
            if let domain = network.searchDomains.first { body["Domainname"] = .string(domain) }
            let aliases = network.aliases + [process.hostname].compactMap(\.self)
            var endpoint: JSON = ["Aliases": JSON(aliases)]
            if let address = network.address {
                endpoint["IPAMConfig"] = ["IPv4Address": .string(address)]
                body["MacAddress"] = IPv4.number(address).map { .string(HardwareAddress.text($0)) }
            }
            body["NetworkingConfig"] = ["EndpointsConfig": .object([network.network: endpoint])]
        }
        body["HostConfig"] = config
        return body
    }

    /// Limits as the engine takes them: no more CPUs than there are, no less memory than it allows.
    func limits(_ resources: Resources, cpus: Int) -> JSON {
        let memory = resources.memoryBytes > 0 ? max(resources.memoryBytes, 16 << 20) : 0
        let all = cpus * 1000
        let nano = (resources.processorTime == .limited ? min(resources.milliCPUs, all) : all) * 1_000_000
        var limits: JSON = [
            "NanoCpus": .integer(Int64(nano)), "Memory": .integer(memory), "MemorySwap": .integer(memory),
        ]
        // Some, so that what was begun ends.
        if resources.processorTime == .leftOver { limits["CpuShares"] = 16 }
        return limits
    }

    /// Of a container that was made to take what others leave: it is given its share when that ends. Others have what the
    /// engine gives by itself, which is not the same number everywhere.
    static let yieldingLabel = "brume.yielding"

    private func labels(of place: Place) -> [String: String] {
        var labels = [
            "brume.cloud": cloud, "brume.name": place.workload.text, "brume.part": place.part,
            "brume.shape": place.shape, "brume.index": String(place.index),
            // An image cannot make it somebody's.
            StepRules.label: "",
        ]
        if place.bootsInit { labels["brume.init"] = "1" }
        if let virtualMachine = place.virtualMachine { labels[VirtualMachine.label] = virtualMachine.text }
        for (key, value) in place.labels { labels["brume.label.\(key)"] = value }
        return labels
    }

    /// Finds out what an image boots with: looks into a container that never starts.
    private func initProgram(of imageID: String) async throws -> InitProgram? {
        if let known = remembered.withLock({ $0.inits[imageID] }) { return known }
        let found = try await withProbe(of: imageID) { docker, probe -> InitProgram? in
            func has(_ path: String) async -> Bool {
                let query = ["path": path]
                return (try? await docker.stream(.HEAD, "/containers/\(probe)/archive", query: query) { _ in }) != nil
            }
            let hasSystemd = await has("/lib/systemd/systemd")
            if await has("/sbin/init") { return InitProgram(path: "/sbin/init", isSystemd: hasSystemd) }
            return hasSystemd ? InitProgram(path: "/lib/systemd/systemd", isSystemd: true) : nil
        }
        remembered.withLock { $0.inits[imageID] = .some(found) }
        return found
    }

    private func withProbe<Result: Sendable>(
        of imageID: String,
        _ look: (DockerClient, String) async throws -> Result
    ) async throws -> Result {
        let docker = try await host.client()
        let body: JSON = [
            "Image": .string(imageID), "Cmd": ["-"], "HostConfig": ["NetworkMode": "none"],
            "Labels": ["brume.cloud": .string(cloud)],
        ]
        let made = try await docker.call(.POST, "/containers/create", .json(body))
        guard let id = made["Id"]?.string else { throw EngineError.refused("The engine made no container.") }
        do {
            let result = try await look(docker, id)
            try await removeContainer(id)
            return result
        } catch {
            try? await removeContainer(id)
            throw error
        }
    }
}
