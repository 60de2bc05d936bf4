import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import Synchronization
import X509

/// The TLS side of the gateway: one context a host name, made when the name is first asked for.
final class LeafCertificates: Sendable {
    private struct Entry {
        var context: NIOSSLContext
        var madeAt: Date
    }

    private let authority: CertificateAuthority
    private let now: @Sendable () -> Date
    /// All leaves share one key that lives as long as the process.
    private let key = P256.Signing.PrivateKey()
    private let entries = Mutex<[String: Entry]>([:])

    /// Leaves are made anew long before they end.
    private static let age: TimeInterval = 30 * 86400
    /// Anybody may ask for `x1.googleapis.com`, `x2.…`: what is kept is bounded.
    private static let capacity = 256

    init(authority: CertificateAuthority, now: @escaping @Sendable () -> Date) {
        self.authority = authority
        self.now = now
    }

    /// The context that speaks for a host: HTTP/2 and HTTP/1.1.
    func context(for host: String) throws -> NIOSSLContext {
        let time = now()
        if let entry = entries.withLock({ $0[host] }), entry.madeAt > time.addingTimeInterval(-Self.age) {
            return entry.context
        }
        let context = try makeContext(for: host)
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries.removeAll() }
            entries[host] = Entry(context: context, madeAt: time)
        }
        return context
    }

    private func makeContext(for host: String) throws -> NIOSSLContext {
        let chain = [try authority.makeLeaf(for: host, publicKey: key.publicKey), authority.certificate]
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try chain.map { certificate in
                var serializer = DER.Serializer()
                try certificate.serialize(into: &serializer)
                return .certificate(try NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der))
            },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der))
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["h2", "http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}
