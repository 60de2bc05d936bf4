import Foundation
import HostPrograms
import Workloads

/// The doors of one bridge: rules that lead addresses to ports of the daemon, or to machines behind the bridge.
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

    /// Makes an address lead to a machine behind the bridge, or nowhere.
    ///
    /// The rules carry the bridge's name as their comment: by it they are found again.
    ///
    /// - Parameters:
    ///   - subnet: The bridge's range; what comes from there seems to come from the gateway, so that answers come back.
    ///   - gateway: The computer's own address in the range, from which it calls.
    func lead(_ address: String, to target: String?, subnet: String, gateway: String) async throws {
        let mark = ["-m", "comment", "--comment", bridge]
        let detour = target.map { ["-d", "\(address)/32"] + mark + ["-j", "DNAT", "--to-destination", $0] }
        let answers = target.map {
            ["-s", subnet, "-d", "\($0)/32", "-o", bridge, "-m", "conntrack", "--ctstate", "DNAT"]
                + ["--ctorigdst", address] + mark + ["-j", "MASQUERADE"]
        }
        for (chain, wanted) in [("PREROUTING", detour), ("OUTPUT", detour), ("POSTROUTING", answers)] {
            let present = try await rules("nat", chain, marked: "--comment")
                .filter { $0.contains("\(address)/32") || $0.contains(address) }
            for rule in present where rule != wanted { try await change(["-t", "nat", "-D", chain] + rule) }
            if let wanted, !present.contains(wanted) { try await change(["-t", "nat", "-I", chain] + wanted) }
        }
        // Goes with the bridge by itself.
        let route = ["\(address)/32", "dev", bridge]
        guard target != nil else {
            _ = try await HostProgram.run("ip", ["route", "delete"] + route)
            return
        }
        let added = try await HostProgram.run("ip", ["route", "replace"] + route + ["src", gateway])
        guard added.status == 0 else { throw EngineError.refused("ip route: \(added.output)") }
    }

    /// Lets packets pass between this bridge and another, both ways, and lets them keep the address they come from.
    ///
    /// Engines keep their bridges apart, and translate what leaves one.
    ///
    /// - Parameters:
    ///   - range: This bridge's.
    ///   - otherRange: The other's.
    func join(_ range: String, to other: Doors, _ otherRange: String) async throws {
        let ways = [(self, range, other, otherRange), (other, otherRange, self, range)]
        for (from, source, to, target) in ways {
            let mark = ["-m", "comment", "--comment", from.bridge]
            let passing = ["-i", from.bridge, "-o", to.bridge] + mark + ["-j", "ACCEPT"]
            let untranslated = ["-s", source, "-d", target, "-o", to.bridge] + mark + ["-j", "ACCEPT"]
            for (table, chain, rule) in [("filter", "DOCKER-USER", passing), ("nat", "POSTROUTING", untranslated)] {
                let present = try await from.rules(table, chain, marked: "--comment")
                if !present.contains(rule) { try await change(["-t", table, "-I", chain] + rule) }
            }
        }
    }

    /// Removes the doors, what leads to machines, and what passes to and from other bridges.
    func removeAll() async {
        try? await set([])
        let chains = [("filter", "DOCKER-USER")] + ["PREROUTING", "OUTPUT", "POSTROUTING"].map { ("nat", $0) }
        for (table, chain) in chains {
            for rule in (try? await ownRules(table, chain)) ?? [] {
                try? await change(["-t", table, "-D", chain] + rule)
            }
        }
    }

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
    private func rules(_ table: String, _ chain: String, marked mark: String = "-i") async throws -> [[String]] {
        try await allRules(table, chain).filter { words in
            guard let at = words.firstIndex(of: mark), at + 1 < words.count else { return false }
            return words[at + 1] == bridge
        }
    }

    /// The rules of a chain that were made here and name this bridge in whatever way.
    private func ownRules(_ table: String, _ chain: String) async throws -> [[String]] {
        try await allRules(table, chain).filter { $0.contains("--comment") && $0.contains(bridge) }
    }

    private func allRules(_ table: String, _ chain: String) async throws -> [[String]] {
        let listing = try await HostProgram.run("iptables", ["-w", "-t", table, "-S", chain])
        return listing.output.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            return words.count > 2 && words[0] == "-A" ? Array(words.dropFirst(2)) : nil
        }
    }

    private func change(_ arguments: [String]) async throws {
        let result = try await HostProgram.run("iptables", ["-w"] + arguments)
        guard result.status == 0 else {
            throw EngineError.refused("iptables \(arguments.joined(separator: " ")): \(result.output)")
        }
    }
}
