import Crypto
package import Foundation
import NIOCore
import NIOSSL
import SecretFile
import SwiftASN1
import X509

/// The authority that vouches for Google's names on this machine, made once and kept in a folder.
///
/// X.509 name constraints (critical) bind it: whoever trusts it trusts it for the served names and for loopback, and
/// for nothing else, even if its key were stolen.
package struct CertificateAuthority: Sendable {
    /// The certificate for clients to trust.
    package let pem: String
    let certificate: Certificate
    private let key: P256.Signing.PrivateKey
    private let now: @Sendable () -> Date

    /// Opens the authority in `folder`, or makes it there.
    ///
    /// The key's file is readable by the owner alone. When the served names have changed since, or the certificate
    /// nears its end, a new certificate is made for the same key.
    package init(
        folder: String,
        names: ServedNames = .google,
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws {
        self.now = now
        let keyFile = folder + "/authority.key"
        let certificateFile = folder + "/authority.pem"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        if let data = FileManager.default.contents(atPath: keyFile) {
            key = try P256.Signing.PrivateKey(pemRepresentation: String(decoding: data, as: UTF8.self))
        } else {
            key = P256.Signing.PrivateKey()
            try SecretFile(URL(filePath: keyFile)).write(Data((key.pemRepresentation + "\n").utf8))
        }
        if let data = FileManager.default.contents(atPath: certificateFile),
            let kept = try? Certificate(pemEncoded: String(decoding: data, as: UTF8.self)),
            kept.publicKey == Certificate.PublicKey(key.publicKey),
            kept.notValidAfter > now().addingTimeInterval(365 * 86400),
            try kept.extensions.nameConstraints == Self.constraints(names)
        {
            certificate = kept
            pem = String(decoding: data, as: UTF8.self)
        } else {
            certificate = try Self.makeCertificate(key: key, names: names, now: now())
            pem = try certificate.serializeAsPEM().pemString + "\n"
            try Data(pem.utf8).write(to: URL(filePath: certificateFile), options: .atomic)
        }
    }

    private static func constraints(_ names: ServedNames) -> NameConstraints {
        let loopback4: [UInt8] = [127, 0, 0, 0, 255, 0, 0, 0]
        let loopback6: [UInt8] = Array(repeating: 0, count: 15) + [1] + Array(repeating: 255, count: 16)
        return NameConstraints(
            permittedDNSDomains: names.names + ["localhost"],
            permittedIPRanges: [loopback4, loopback6].map { ASN1OctetString(contentBytes: $0[...]) }
        )
    }

    private static func makeCertificate(key: P256.Signing.PrivateKey, names: ServedNames, now: Date) throws
        -> Certificate
    {
        let publicKey = Certificate.PublicKey(key.publicKey)
        let identifier = SubjectKeyIdentifier(hash: publicKey)
        let mark = identifier.keyIdentifier.prefix(4).map { String($0, radix: 16) }.joined()
        let name = try DistinguishedName {
            OrganizationName("Brume")
            CommonName("Brume local authority \(mark)")
        }
        return try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: now.addingTimeInterval(-86400),
            notValidAfter: now.addingTimeInterval(10 * 365 * 86400),
            issuer: name,
            subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                Critical(constraints(names))
                identifier
            },
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
    }

    /// How long a leaf is good; clients refuse leaves of more than 398 days.
    private static let leafLifetime: TimeInterval = 90 * 86400

    /// Vouches for one host name or address.
    func makeLeaf(for host: String, publicKey: P256.Signing.PublicKey) throws -> Certificate {
        let leafKey = Certificate.PublicKey(publicKey)
        var alternative: GeneralName = .dnsName(host)
        if let address = try? SocketAddress(ipAddress: host, port: 0) {
            alternative = .ipAddress(ASN1OctetString(contentBytes: address.addressBytes[...]))
        }
        let authorityIdentifier = SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier
        return try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: leafKey,
            notValidBefore: now().addingTimeInterval(-86400),
            notValidAfter: now().addingTimeInterval(Self.leafLifetime),
            issuer: certificate.subject,
            // Not a host name: some clients hold a subject that looks like one against the constraints.
            subject: try DistinguishedName { CommonName("Brume gateway") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames([alternative])
                AuthorityKeyIdentifier(keyIdentifier: authorityIdentifier)
                SubjectKeyIdentifier(hash: leafKey)
            },
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
    }
}

extension SocketAddress {
    /// The address alone, in network order.
    fileprivate var addressBytes: [UInt8] {
        switch self {
        case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
        case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
        case .unixDomainSocket: []
        }
    }
}
