import Foundation
import GoogleAPI
import HostPrograms
import NIOHTTP1
import Synchronization
package import Workloads

extension DockerEngine {
    package func ensureNetwork(_ spec: NetworkSpec) async throws -> NetworkDescription {
        let docker = try await host.client()
        var network = try await docker.find("/networks/\(spec.name)")
        if network == nil {
            network = try await createNetwork(spec, docker)
        }
        guard let config = network?["IPAM"]?["Config"]?[0], let subnet = config["Subnet"]?.string else {
            throw EngineError.refused("The network '\(spec.name)' has no range of addresses.")
        }
        if let bridge = network?.bridge, try await facts().doors {
            let doors = Doors(bridge: bridge)
            try await doors.set(spec.doors)
            for name in spec.neighbours ?? [] {
                guard let neighbour = try await docker.find("/networks/\(name)"), let other = neighbour.bridge,
                    let range = neighbour["IPAM"]?["Config"]?[0]?["Subnet"]?.string
                else { continue }
                try await doors.join(subnet, to: Doors(bridge: other), range)
            }
        }
        let first = AddressRange(subnet)?.gateway ?? ""
        return NetworkDescription(
            name: spec.name,
            subnet: subnet,
            daemonAddress: config["Gateway"]?.string ?? first
        )
    }

    /// Makes a network, one at a time: each chooses its range by what is there.
    private func createNetwork(_ spec: NetworkSpec, _ docker: DockerClient) async throws -> JSON? {
        let turn = remembered.withLock { memory in
            let task = Task { [before = memory.networkTurn] () async throws -> JSON? in
                _ = await before?.result
                // Whoever came before may have made it.
                if let network = try await docker.find("/networks/\(spec.name)") { return network }
                return try await makeNetwork(spec, docker)
            }
            memory.networkTurn = task
            return task
        }
        return try await turn.value
    }

    private func makeNetwork(_ spec: NetworkSpec, _ docker: DockerClient) async throws -> JSON? {
        let bridge = Self.bridgeName(of: spec.name, cloud: cloud)
        var options = ["com.docker.network.bridge.name": bridge]
        // Since version 28 engines drop what comes from another network before any rule is asked. Where machines have
        // packet filters of their own, they decide.
        let facts = try await facts()
        if spec.neighbours != nil, facts.doors, facts.packetFilters, facts.majorVersion >= 28 {
            options["com.docker.network.bridge.gateway_mode_ipv4"] = "nat-unprotected"
        }
        if let mtu = HostRoutes.uplinkMTU, mtu < 1500 { options["com.docker.network.driver.mtu"] = String(mtu) }
        var body: JSON = [
            "Name": .string(spec.name), "Driver": "bridge", "CheckDuplicate": true, "Options": JSON(options),
        ]
        var labels = ["brume.cloud": cloud]
        for (key, value) in spec.labels { labels["brume.label.\(key)"] = value }
        body["Labels"] = JSON(labels)
        // Fixed addresses need a range that was named when the network was made.
        let text = spec.subnet ?? Self.anyRange
        guard let wanted = AddressRange(text), (8...30).contains(wanted.length) else {
            throw EngineError.refused("'\(text)' is no range of addresses.")
        }
        guard let range = wanted.free(of: HostRoutes.current(besides: bridge)) else {
            throw EngineError.insufficient("No private range of addresses is free on this machine for '\(spec.name)'.")
        }
        body["IPAM"] = ["Config": [["Subnet": .string("\(range)"), "Gateway": .string(range.gateway)]]]
        do {
            try await make(network: body, with: docker)
        } catch let failure as DockerClient.Failure {
            throw EngineError.refused("The network '\(spec.name)' cannot be made: \(failure.message)")
        }
        return try await docker.find("/networks/\(spec.name)")
    }

    /// Makes a network, some times if need be: the engines of one computer share its packet filter, and one that starts
    /// takes Docker's chains away for a moment. That it has ended nobody is told, so the pause is a guess.
    private func make(network body: JSON, with docker: DockerClient, attempts: Int = 6) async throws {
        do {
            try await docker.call(.POST, "/networks/create", .json(body))
        } catch let failure as DockerClient.Failure where attempts > 1 && failure.message.contains("iptables failed") {
            try await Task.sleep(for: .milliseconds(300))
            try await make(network: body, with: docker, attempts: attempts - 1)
        }
    }

    /// Where networks lie whose range is the engine's choice, if it is free.
    private static let anyRange = "172.24.0.0/16"

    /// At most 15 characters, as interfaces must have.
    static func bridgeName(of network: String, cloud: String) -> String {
        var hash: UInt32 = 0x811c_9dc5
        for byte in "\(cloud)/\(network)".utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return "bru\(cloud.prefix(4))" + String(hash, radix: 36)
    }

    package func removeNetwork(_ name: String) async throws {
        let docker = try await host.client()
        guard let network = try await docker.find("/networks/\(name)") else { return }
        do {
            try await docker.call(.DELETE, "/networks/\(name)")
        } catch let failure as DockerClient.Failure where failure.status != 404 {
            throw EngineError.refused(failure.message)
        } catch is DockerClient.Failure {}
        if let bridge = network.bridge, try await facts().doors { await Doors(bridge: bridge).removeAll() }
    }

    package func ensureVolume(_ name: String, labels: [String: String]) async throws {
        var all = labels
        all["brume.cloud"] = cloud
        let body: JSON = ["Name": .string(name), "Labels": JSON(all)]
        do {
            try await host.client().call(.POST, "/volumes/create", .json(body))
        } catch let failure as DockerClient.Failure {
            throw EngineError.refused(failure.message)
        }
    }

    package func removeVolume(_ name: String) async throws {
        do {
            try await host.client().call(.DELETE, "/volumes/\(name)")
        } catch let failure as DockerClient.Failure where failure.status != 404 {
            throw EngineError.refused(failure.message)
        } catch is DockerClient.Failure {}
    }

    package func copyVolume(_ source: String, to target: String, labels: [String: String]) async throws {
        let from = try await folder(ofVolume: source)
        try await removeVolume(target)
        try await ensureVolume(target, labels: labels)
        let copy = try await HostProgram.run(
            "cp",
            ["--archive", "--reflink=auto", from + "/.", try await folder(ofVolume: target)]
        )
        guard copy.status == 0 else {
            try? await removeVolume(target)
            throw EngineError.refused("The volume '\(source)' cannot be copied: \(copy.output)")
        }
    }

    /// Where a volume's content lies on this machine.
    func folder(ofVolume name: String) async throws -> String {
        guard try await facts().volumeAccess else {
            throw EngineError.refused(
                "This engine's volumes are out of Brume's reach: run Brume as root beside the engine."
            )
        }
        guard let folder = try await host.client().find("/volumes/\(name)")?["Mountpoint"]?.string else {
            throw EngineError.notFound("There is no volume '\(name)'.")
        }
        return folder
    }
}
