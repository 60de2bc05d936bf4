import CDockerEngine
import Foundation
import GoogleAPI
import HostPrograms
import NIOHTTP1
package import Workloads

// What is done to machines while they are there.
extension DockerEngine {
    package func capture(_ name: WorkloadName, as reference: ImageReference) async throws {
        let container = try await machine(name)
        // A kernel of its own may still hold what was written.
        try await lookAnew(container)
        do {
            try await host.client().call(
                .POST,
                "/commit",
                query: [
                    "container": container.id, "repo": reference.repository, "tag": reference.tag ?? "latest",
                    "pause": "1",
                ],
                .json([:])
            )
        } catch let failure as DockerClient.Failure {
            throw EngineError.refused("The disk of '\(name)' cannot be kept: \(failure.message)")
        }
    }

    package func pause(_ name: WorkloadName) async throws {
        let container = try await machine(name)
        if !container.isPaused { try await change(container, "pause") }
    }

    package func resume(_ name: WorkloadName) async throws {
        let container = try await machine(name)
        if container.isPaused { try await change(container, "unpause") }
    }

    package func attach(_ mount: Mount, to name: WorkloadName) async throws {
        guard case .volume(let volume) = mount.source else { throw EngineError.refused("Only volumes are attached.") }
        let folder = try await folder(ofVolume: volume)
        let container = try await machine(name)
        let process = try Self.process(of: container, name)
        guard !Self.isMounted(mount.path, in: process) else { return }
        let code = brume_attach(process, folder, mount.path, mount.isReadOnly ? 1 : 0)
        guard code == 0 else {
            throw EngineError.refused("The volume '\(volume)' cannot be attached to '\(name)': \(Self.text(of: code))")
        }
        try await lookAnew(container)
    }

    package func detach(_ path: String, from name: WorkloadName) async throws {
        let container = try await machine(name)
        let process = try Self.process(of: container, name)
        guard Self.isMounted(path, in: process) else { return }
        let code = brume_detach(process, path)
        guard code == 0 else {
            throw EngineError.refused("'\(path)' cannot be taken from '\(name)': \(Self.text(of: code))")
        }
        try await lookAnew(container)
    }

    package func apply(_ filter: PacketFilter, to name: WorkloadName) async throws {
        let process = try Self.process(of: try await machine(name), name)
        let result = try await HostProgram.run(
            "nsenter",
            ["--target", String(process), "--net", "iptables-restore", "-w"],
            input: filter.tables
        )
        guard result.status == 0 else {
            throw EngineError.refused("The packets of '\(name)' cannot be filtered: \(result.output)")
        }
    }

    package func lead(_ address: String, to target: String?, in network: String) async throws {
        let found = try await host.client().find("/networks/\(network)")
        guard try await facts().doors else {
            guard target != nil else { return }
            throw EngineError.refused(
                "The address \(address) cannot be led to a machine: run Brume as root, with iptables, beside the engine."
            )
        }
        guard let bridge = found?.bridge, let subnet = found?["IPAM"]?["Config"]?[0]?["Subnet"]?.string,
            let gateway = AddressRange(subnet)?.gateway
        else { return }
        try await Doors(bridge: bridge).lead(address, to: target, subnet: subnet, gateway: gateway)
    }

    // MARK: Shared

    func machine(_ name: WorkloadName) async throws -> Container {
        guard let container = try await containers(of: name).first, container.shape == "machine" else {
            throw EngineError.notFound("There is no machine '\(name)'.")
        }
        return container
    }

    private static func process(of container: Container, _ name: WorkloadName) throws -> Int32 {
        guard let process = container.process else {
            throw EngineError.refused("'\(name)' does not run.")
        }
        return process
    }

    private func change(_ container: Container, _ verb: String) async throws {
        do {
            try await host.client().call(.POST, "/containers/\(container.id)/\(verb)")
        } catch let failure as DockerClient.Failure {
            throw EngineError.refused(failure.message)
        }
    }

    /// Whether something is mounted at a path, as a process sees it.
    private static func isMounted(_ path: String, in process: Int32) -> Bool {
        let mounts = (try? String(contentsOfFile: "/proc/\(process)/mounts", encoding: .utf8)) ?? ""
        return mounts.split(separator: "\n").contains { line in
            line.split(separator: " ").dropFirst().first.map(String.init) == path
        }
    }

    private static func text(of code: Int32) -> String { String(cString: strerror(code)) }
}

extension PacketFilter {
    /// The rules as `iptables-restore` reads them.
    var tables: String {
        var lines = [
            "*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]",
            ":IN - [0:0]", ":OUT - [0:0]", ":OUTSIDE - [0:0]",
            "-A INPUT -i eth0 -j IN", "-A OUTPUT -o eth0 -j OUT",
            // To and from a machine with a kernel of its own.
            "-A FORWARD -i eth0 -o vm0 -j IN", "-A FORWARD -i vm0 -o eth0 -j OUT",
        ]
        for chain in ["IN", "OUT"] {
            lines.append("-A \(chain) -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
        }
        lines.append("-A IN -s \(outside) -j OUTSIDE")
        lines += ingress.flatMap { $0.lines("IN", side: "-s") }
        lines += ingress.filter(\.fitsOutside).flatMap { rule in
            var rule = rule
            rule.peers = []
            return rule.lines("OUTSIDE", side: "-s")
        }
        lines += ["-A OUTSIDE -j DROP", "-A IN -j DROP"]
        // The metadata server, which also resolves names, is never out of reach.
        lines.append("-A OUT -d 169.254.169.254/32 -j ACCEPT")
        lines += egress.flatMap { $0.lines("OUT", side: "-d") }
        return (lines + ["COMMIT", ""]).joined(separator: "\n")
    }
}

extension PacketFilter.Rule {
    fileprivate func lines(_ chain: String, side: String) -> [String] {
        let peers = peers.isEmpty ? [""] : peers.map { " \(side) \($0)" }
        let protocols = transport.map { " -p \($0)" } ?? ""
        let ports = ports.isEmpty ? [""] : ports.map { " --dport \($0.lowerBound):\($0.upperBound)" }
        let target = isAllowed ? "ACCEPT" : "DROP"
        return peers.flatMap { peer in ports.map { port in "-A \(chain)\(peer)\(protocols)\(port) -j \(target)" } }
    }
}
