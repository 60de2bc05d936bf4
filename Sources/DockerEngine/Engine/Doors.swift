import Foundation
import HostPrograms
import Workloads

/// The doors of one bridge: rules that lead addresses to ports of the daemon.
struct Doors {
    var bridge: String

    /// Makes the rules of a bridge be these and no others.
    func set(_ doors: [NetworkSpec.Door]) async throws {
        let present = try await rules("nat", "PREROUTING")
        let wanted = doors.map { door in
            [
                "-d", "\(door.address)/32", "-i", bridge, "-p", door.transport.rawValue, "-m", door.transport.rawValue,
                "--dport", String(door.port), "-j", "REDIRECT", "--to-ports", String(door.daemonPort),
            ]
        }
        for rule in present where !wanted.contains(rule) { try await change(["-t", "nat", "-D", "PREROUTING"] + rule) }
        for rule in wanted where !present.contains(rule) { try await change(["-t", "nat", "-I", "PREROUTING"] + rule) }
        let chain = try await HostProgram.run("iptables", ["-w", "-S", "INPUT"]).output.split(separator: "\n")
        let accepted = try await rules("filter", "INPUT")
        // A chain without rules that lets everything in needs no exception.
        let isOpen = chain.count == 1 + accepted.count && chain.first == "-P INPUT ACCEPT"
        var needed: [[String]] = []
        for door in isOpen ? [] : doors {
            let rule = [
                "-i", bridge, "-p", door.transport.rawValue, "-m", door.transport.rawValue, "--dport",
                String(door.daemonPort), "-j", "ACCEPT",
            ]
            if !needed.contains(rule) { needed.append(rule) }
        }
        for rule in accepted where !needed.contains(rule) { try await change(["-D", "INPUT"] + rule) }
        for rule in needed where !accepted.contains(rule) { try await change(["-I", "INPUT"] + rule) }
    }

    func removeAll() async { try? await set([]) }

    /// Removes every rule that names the bridge, the engine's own too.
    func removeEverything() async {
        for table in ["nat", "filter"] {
            guard let listing = try? await HostProgram.run("iptables", ["-w", "-t", table, "-S"]) else { continue }
            for line in listing.output.split(separator: "\n") {
                let words = line.split(separator: " ").map(String.init)
                guard words.first == "-A", words.contains(bridge) else { continue }
                try? await change(["-t", table, "-D"] + words.dropFirst())
            }
        }
    }

    /// The rules of a chain that are this bridge's, as `iptables -S` writes them.
    private func rules(_ table: String, _ chain: String) async throws -> [[String]] {
        let listing = try await HostProgram.run("iptables", ["-w", "-t", table, "-S", chain])
        return listing.output.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count > 2, words[0] == "-A", let at = words.firstIndex(of: "-i"), at + 1 < words.count,
                words[at + 1] == bridge
            else { return nil }
            return Array(words.dropFirst(2))
        }
    }

    private func change(_ arguments: [String]) async throws {
        let result = try await HostProgram.run("iptables", ["-w"] + arguments)
        guard result.status == 0 else {
            throw EngineError.refused("iptables \(arguments.joined(separator: " ")): \(result.output)")
        }
    }
}
