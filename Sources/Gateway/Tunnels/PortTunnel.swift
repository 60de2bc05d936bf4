import Foundation
import HTTPTypes
package import NIOCore
import NIOHTTP1

/// Who leads `gcloud compute start-iap-tunnel` and `ssh --tunnel-through-iap` to a port of an instance.
package protocol PortTunnels: Sendable {
    /// - Throws: ``PortTunnelRefusal``.
    func open(_ request: PortTunnelRequest) async throws -> PortTunnel
}

/// What a tunnel is asked for, as the query of `/v4/connect` says it.
package struct PortTunnelRequest: Sendable {
    /// The access token of the caller.
    package var token: String?
    package var project: String
    package var zone: String
    package var instance: String
    package var port: Int

    /// - Throws: ``PortTunnelRefusal`` for what is no such request.
    init(_ head: HTTPRequestHead) throws {
        guard let url = URLComponents(string: head.uri), url.path == "/v4/connect" else {
            // What a lost connection had on its way is not kept: clients begin anew.
            throw PortTunnelRefusal.notFound("Brume has no tunnel at \(head.uri.prefix { $0 != "?" }).")
        }
        func value(_ name: String) throws -> String {
            guard let value = url.queryItems?.first(where: { $0.name == name })?.value, !value.isEmpty else {
                throw PortTunnelRefusal.notFound("The tunnel's '\(name)' is missing.")
            }
            return value
        }
        let words = head.headers.first(name: "Authorization")?.split(separator: " ") ?? []
        token = words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : nil
        project = try value("project")
        zone = try value("zone")
        instance = try value("instance")
        guard let number = Int(try value("port")), (1...65535).contains(number) else {
            throw PortTunnelRefusal.notFound("The tunnel's 'port' is none.")
        }
        port = number
    }
}

/// A connection to a port.
package struct PortTunnel: Sendable {
    package var output: AsyncThrowingStream<ByteBuffer, any Error>
    package var write: @Sendable (ByteBuffer) async throws -> Void
    package var finish: @Sendable () async -> Void

    package init(
        output: AsyncThrowingStream<ByteBuffer, any Error>,
        write: @escaping @Sendable (ByteBuffer) async throws -> Void,
        finish: @escaping @Sendable () async -> Void
    ) {
        (self.output, self.write, self.finish) = (output, write, finish)
    }
}

/// Why a tunnel is not opened: a close code of Identity-Aware Proxy's, and words.
package struct PortTunnelRefusal: Error, Equatable {
    package var code: UInt16
    package var reason: String

    /// The port does not answer, or a firewall rule keeps Identity-Aware Proxy from it.
    package static func unreachable(_ reason: String) -> Self { Self(code: 4003, reason: reason) }
    package static func unauthorized(_ reason: String) -> Self { Self(code: 4033, reason: reason) }
    package static func notFound(_ reason: String) -> Self { Self(code: 4047, reason: reason) }
}

/// A message of the relay's, in one binary WebSocket frame; numbers are big-endian.
enum RelayMessage: Equatable {
    case connected(session: String)
    case data(ByteBuffer)
    /// Bytes of data received so far, all together.
    case acknowledged(UInt64)

    /// The most data in a message, in bytes.
    static let maximumData = 16 << 10

    /// - Returns: Nil for what is none, or is no client's to send.
    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        switch bytes.readInteger(as: UInt16.self) {
        case 4:
            guard let length = bytes.readInteger(as: UInt32.self), length <= Self.maximumData,
                let data = bytes.readSlice(length: Int(length))
            else { return nil }
            self = .data(data)
        case 7:
            guard let count = bytes.readInteger(as: UInt64.self) else { return nil }
            self = .acknowledged(count)
        default: return nil
        }
    }

    var bytes: ByteBuffer {
        var bytes = ByteBuffer()
        switch self {
        case .connected(let session):
            bytes.writeInteger(UInt16(1))
            bytes.writeInteger(UInt32(session.utf8.count))
            bytes.writeString(session)
        case .data(let data):
            bytes.writeInteger(UInt16(4))
            bytes.writeInteger(UInt32(data.readableBytes))
            bytes.writeImmutableBuffer(data)
        case .acknowledged(let count):
            bytes.writeInteger(UInt16(7))
            bytes.writeInteger(count)
        }
        return bytes
    }
}
