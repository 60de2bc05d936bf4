package import Foundation
package import HummingbirdCore
package import NIOCore

/// Door 1: what the gateway answers itself, and for whom it passes the rest on.
package struct Gateway: Sendable {
    let names: ServedNames
    let leaves: LeafCertificates
    let mayPass: @Sendable (SocketAddress) -> Bool
    let upstream: Upstream

    /// - Parameters:
    ///   - names: What the gateway answers for; it must be what `authority` was made for.
    ///   - environment: Where `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say how the machine itself reaches the internet.
    ///   - mayPass: Whether a client at this address may reach other hosts through the gateway: never an open proxy.
    package init(
        authority: CertificateAuthority,
        names: ServedNames = .google,
        environment: [String: String] = [:],
        now: @escaping @Sendable () -> Date = { Date() },
        mayPass: @escaping @Sendable (SocketAddress) -> Bool = Gateway.isLoopback
    ) {
        self.names = names
        self.mayPass = mayPass
        leaves = LeafCertificates(authority: authority, now: now)
        upstream = Upstream(environment: environment)
    }

    /// Whether an address is one of this machine's own loopback.
    package static let isLoopback: @Sendable (SocketAddress) -> Bool = { address in
        switch address {
        case .v4: address.ipAddress?.hasPrefix("127.") ?? false
        case .v6: address.ipAddress == "::1" || (address.ipAddress?.hasPrefix("::ffff:127.") ?? false)
        case .unixDomainSocket: true
        }
    }

    /// By what the machine reaches other hosts.
    package struct Proxy: Hashable, Sendable {
        package var host: String
        package var port: Int
        /// User and password in Base64; nil when it asks for none.
        package var basicCredentials: String?
    }

    /// The proxy through which a host is reached; nil: directly.
    package func proxy(to host: String, port: Int, isSecure: Bool) -> Proxy? {
        let target = Authority(host: host.lowercased(), port: port)
        guard let proxy = isSecure ? upstream.tunnelProxy(for: target) : upstream.plainProxy(for: target) else {
            return nil
        }
        return Proxy(
            host: proxy.authority.host,
            port: proxy.authority.port,
            basicCredentials: proxy.authorization.map { String($0.dropFirst("Basic ".count)) }
        )
    }

    /// Whether the gateway answers for a target itself.
    ///
    /// - Parameter ownPort: The port that the connection came to: names of loopback mean the gateway only with it.
    func serves(_ target: Authority, ownPort: Int?) -> Bool {
        names.contain(target.host) || (target.isLoopback && target.port == ownPort)
    }
}

extension HTTPServerBuilder {
    /// A server whose connections say by their first bytes what they are: TLS, `CONNECT`, HTTP/2 or HTTP/1.1.
    package static func gateway(_ gateway: Gateway, tunnels: (any PortTunnels)? = nil) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in GatewayChannel(gateway: gateway, tunnels: tunnels, responder: responder) }
    }
}

/// Why a connection came to nothing.
struct GatewayRefusal: Error {
    var status: String
    var text: String

    static func unreadable() -> GatewayRefusal {
        GatewayRefusal(status: "400 Bad Request", text: "The request cannot be read: CONNECT takes HOST:PORT.")
    }
    static func notAllowed(_ target: Authority) -> GatewayRefusal {
        GatewayRefusal(
            status: "403 Forbidden",
            text: "Brume passes connections to \(target.text) on from this machine and its own networks only."
        )
    }
    static func unreachable(_ target: Authority, _ error: any Error) -> GatewayRefusal {
        GatewayRefusal(status: "502 Bad Gateway", text: "\(target.text) cannot be reached: \(error)")
    }
}
