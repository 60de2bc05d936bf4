import Foundation
import Workloads

extension AddressRange {
    /// This range, or else another private one of its size, or the largest smaller one that is free.
    func free(of taken: [AddressRange]) -> AddressRange? {
        if !taken.contains(where: overlaps) { return self }
        let homes = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].compactMap { AddressRange($0) }
        for size in length...max(length, 24) {
            for home in homes where home.length <= size {
                let step = UInt64(1) << (32 - size)
                for start in stride(from: UInt64(home.first), through: UInt64(home.last), by: Int(step)) {
                    let candidate = AddressRange(around: UInt32(start), length: size)
                    if !taken.contains(where: candidate.overlaps) { return candidate }
                }
            }
        }
        return nil
    }
}

/// What the machine's routing table says.
enum HostRoutes {
    /// The ranges that a network of ours must leave alone: those that have a route already, the default route and one
    /// interface left out, and the machine's name servers, which may lie behind the default route.
    static func current(besides interface: String) -> [AddressRange] {
        nameServers
            + lines.compactMap { fields in
                guard fields.count > 7, fields[0] != interface, let first = UInt32(fields[1], radix: 16),
                    let mask = UInt32(fields[7], radix: 16), mask != 0
                else { return nil }
                return AddressRange(around: first.byteSwapped, length: mask.nonzeroBitCount)
            }
    }

    private static var nameServers: [AddressRange] {
        let text = (try? String(contentsOfFile: "/etc/resolv.conf", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count > 1, words[0] == "nameserver" else { return nil }
            // The smallest range that can be written.
            return AddressRange("\(words[1])/30")
        }
    }

    /// The largest packet that the way out takes.
    static var uplinkMTU: Int? {
        guard let uplink = lines.first(where: { $0.count > 7 && $0[1] == "00000000" && $0[7] == "00000000" }),
            let text = try? String(contentsOfFile: "/sys/class/net/\(uplink[0])/mtu", encoding: .utf8)
        else { return nil }
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    private static var lines: [[String]] {
        let text = (try? String(contentsOfFile: "/proc/net/route", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").dropFirst().map {
            $0.split(separator: "\t").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }
}
