package import APIServer
import Foundation
import GoogleAPI
import Guests
import ImageCatalogue
import NIOCore
package import Workloads

/// A port that cannot be had: it is closed, or a firewall rule keeps the caller's side from it.
package struct PortUnreachable: Error {
    package var reason: String
}

extension ComputeEngine {
    /// Where Identity-Aware Proxy's connections come from, see
    /// [TCP forwarding](https://docs.cloud.google.com/iap/docs/using-tcp-forwarding).
    static let tunnelSource = "35.235.240.1"

    /// Connects to a port of an instance, as Identity-Aware Proxy would: firewall rules hold, an external address is
    /// not needed.
    ///
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404); ``PortUnreachable``.
    package func connect(
        to port: UInt16,
        of name: String,
        zone: String,
        project: String,
        as caller: Caller
    ) async throws -> any ExecSession {
        let asked = ResourceName(["projects", project, "zones", zone, "instances", name])
        try await authorizer.authorize(caller, for: "iap.tunnelInstances.accessViaIAP", on: asked)
        let project = try await life.projects.project(project).id
        let key = ResourceKey(project: project, scope: "zones/\(zone)", collection: "instances", name: name)
        let instance = try await life.store.get(key)
        guard instance["status"]?.string == "RUNNING",
            let address = instance["networkInterfaces"]?[0]?["networkIP"]?.string, let number = IPv4.number(address)
        else { throw PortUnreachable(reason: "The instance '\(name)' is not running.") }
        guard try await life.walls.admit(tcp: port, from: Self.tunnelSource, to: instance, key) else {
            throw PortUnreachable(
                reason: "No firewall rule lets 35.235.240.0/20 reach port \(port): see gcloud compute firewall-rules."
            )
        }
        let workload = InstanceLife.workload(of: instance)
        let busybox = GuestTools.path + "/bin/busybox"
        let table = ExecSpec([busybox, "cat", "/proc/net/tcp", "/proc/net/tcp6"], user: "0")
        let sockets = try await text(of: try await life.engine.exec(table, in: workload, part: "machine"))
        guard ListeningSockets(sockets).contain(port, at: number) else {
            throw PortUnreachable(reason: "Nothing listens at port \(port) of '\(name)'.")
        }
        return try await life.engine.exec(
            ExecSpec([busybox, "nc", address, String(port)], user: "0"),
            in: workload,
            part: "machine"
        )
    }

    private func text(of session: any ExecSession) async throws -> String {
        var bytes = ByteBuffer()
        for try await chunk in session.output where chunk.stream == .output { bytes.writeImmutableBuffer(chunk.bytes) }
        return String(buffer: bytes)
    }
}

/// The kernel's list of a machine's TCP sockets, `/proc/net/tcp` and `tcp6`.
struct ListeningSockets {
    private let lines: [(address: Substring, port: UInt16)]

    init(_ text: String) {
        lines = text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            // 0A: it listens.
            guard fields.count > 3, fields[3] == "0A" else { return nil }
            let place = fields[1].split(separator: ":")
            guard place.count == 2, let port = UInt16(place[1], radix: 16) else { return nil }
            return (place[0], port)
        }
    }

    /// Whether something listens at a port, at an address or at all.
    func contain(_ port: UInt16, at address: UInt32) -> Bool {
        // Bytes stand in the order of the processor: the lowest first.
        let own = String(address.byteSwapped, radix: 16, uppercase: true)
        let padded = String(repeating: "0", count: 8 - own.count) + own
        return lines.contains { line in
            line.port == port
                && (line.address.allSatisfy { $0 == "0" } || line.address == padded
                    || line.address.hasSuffix("FFFF0000" + padded))
        }
    }
}
