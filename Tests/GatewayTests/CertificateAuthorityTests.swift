import BrumeTesting
import Foundation
import Gateway
import Testing

@Suite("certificate authority")
struct CertificateAuthorityTests {
    @Test func `it is made once, and its key is the owner's alone`() async throws {
        try await withScratchFolder { folder in
            let first = try CertificateAuthority(folder: folder.path)
            let second = try CertificateAuthority(folder: folder.path)
            #expect(first.pem == second.pem)
            #expect(first.pem.hasPrefix("-----BEGIN CERTIFICATE-----"))
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/authority.key")
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
    }

    @Test func `a change of the served names makes a new certificate`() async throws {
        try await withScratchFolder { folder in
            let first = try CertificateAuthority(folder: folder.path)
            let second = try CertificateAuthority(folder: folder.path, names: ServedNames(["googleapis.com"]))
            #expect(first.pem != second.pem)
        }
    }

    @Test(arguments: [
        ("storage.googleapis.com", true), ("googleapis.com", true), ("eu.gcr.io", true),
        ("evilgcr.io", false), ("gcr.io.evil.com", false), ("google.com", false), ("", false),
    ])
    func `served names are whole labels`(host: String, isServed: Bool) {
        #expect(ServedNames.google.contain(host) == isServed)
    }
}
