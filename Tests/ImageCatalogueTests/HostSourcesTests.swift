import BrumeTesting
import Foundation
import ImageCatalogue
import Testing

/// What a machine with these lists of apt's gives.
private func choose(
    for distribution: Distribution,
    lists: [String: String] = [:],
    environment: [String: String] = [:]
) async throws -> HostSources {
    try await withScratchFolder { folder in
        let apt = folder.appending(path: "apt")
        try FileManager.default.createDirectory(
            at: apt.appending(path: "sources.list.d"),
            withIntermediateDirectories: true
        )
        for (name, text) in lists { try Data(text.utf8).write(to: apt.appending(path: name)) }
        return try HostSources.choose(
            for: distribution,
            environment: environment,
            under: apt.path(percentEncoded: false)
        )
    }
}

@Suite("where packages come from")
struct HostSourcesTests {
    /// A file that is there on any machine, in place of one of keys.
    private static let keyring = #filePath

    @Test func `a line becomes a paragraph, with its key`() async throws {
        let line = "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib"
        let sources = try await choose(for: .bookworm, lists: ["sources.list": line])
        #expect(
            sources.paragraphs == [
                """
                Types: deb
                URIs: http://mirror.example/debian
                Suites: bookworm
                Components: main contrib
                Signed-By: /k.gpg
                """
            ]
        )
    }

    @Test(arguments: [
        "# deb http://mirror.example/debian bookworm main",
        "deb-src http://mirror.example/debian bookworm main",
        "deb http://tools.example/apt stable main",
        "deb http://tools.example/linux bookworm stable",
        "deb http://mirror.example/ubuntu noble main universe",
    ])
    func `without lists of Debian's, mmdebstrap looks where it does by itself`(line: String) async throws {
        let sources = try await choose(for: .bookworm, lists: ["sources.list": line])
        #expect(sources.paragraphs.isEmpty && sources.release == nil)
        #expect(sources.text.isEmpty)
    }

    @Test func `of a file, Debian's own paragraphs are kept as they are`() async throws {
        let text = """
            Types: deb
            # a comment
            URIs: http://mirror.example/debian
            Suites: bookworm bookworm-updates
            Components: main
            Signed-By: /k.gpg

            Types: deb
            URIs: http://tools.example/debian
            Suites: nodistro
            Components: main

            Types: deb
            Enabled: no
            URIs: http://mirror.example/debian
            Suites: bookworm
            Components: main
            """
        let sources = try await choose(for: .bookworm, lists: ["sources.list.d/debian.sources": text])
        #expect(
            sources.paragraphs == [
                """
                Types: deb
                URIs: http://mirror.example/debian
                Suites: bookworm bookworm-updates
                Components: main
                Signed-By: /k.gpg
                """
            ]
        )
    }

    @Test func `an Ubuntu machine's own mirrors serve its release, and no other`() async throws {
        let lists = [
            "sources.list": """
            deb http://mirror.example/ubuntu jammy main restricted
            deb http://mirror.example/ubuntu jammy universe
            deb http://mirror.example/ubuntu jammy multiverse
            deb http://mirror.example/ubuntu jammy-security main universe
            """,
            "sources.list.d/somebody.list": "deb https://ppa.launchpadcontent.net/somebody/ppa/ubuntu jammy main",
        ]
        let own = try await choose(for: .jammy, lists: lists)
        #expect(own.paragraphs.count == 3)
        #expect(own.release == nil)
        #expect(!own.text.contains("launchpad") && !own.text.contains("multiverse"))

        let other = try await choose(for: .noble, lists: lists, environment: ["BRUME_UBUNTU_KEYRING": Self.keyring])
        #expect(
            other.text.hasPrefix(
                """
                Types: deb
                URIs: http://archive.ubuntu.com/ubuntu
                Suites: noble noble-updates noble-security
                Components: main universe
                Signed-By:
                """
            )
        )
        #expect(other.release == "http://archive.ubuntu.com/ubuntu/dists/noble/InRelease")
    }

    @Test func `lists that lack a part of the archive are not enough`() async throws {
        let sources = try await choose(
            for: .noble,
            lists: ["sources.list": "deb http://mirror.example/ubuntu noble main"],
            environment: ["BRUME_UBUNTU_KEYRING": Self.keyring]
        )
        #expect(sources.text.contains("http://archive.ubuntu.com/ubuntu"))
    }

    @Test func `a mirror that is named comes before the machine's own`() async throws {
        let sources = try await choose(
            for: .noble,
            lists: ["sources.list": "deb http://own.example/ubuntu noble main universe"],
            environment: ["BRUME_UBUNTU_MIRROR": "http://mirror.example/ubuntu/", "BRUME_UBUNTU_KEYRING": Self.keyring]
        )
        #expect(sources.text.contains("URIs: http://mirror.example/ubuntu\n"))
        #expect(!sources.text.contains("own.example"))
        #expect(sources.release == "http://mirror.example/ubuntu/dists/noble/InRelease")
    }

    @Test(arguments: [
        (Data([1, 2, 3]), "\n AQID"),
        (Data("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAQID\n-----END PGP PUBLIC KEY BLOCK-----".utf8), "\n AQID"),
    ])
    func `keys that are named are written into the list, which goes into the image`(
        keys: Data,
        line: String
    ) async throws {
        try await withScratchFolder { folder in
            let file = folder.appending(path: "keys")
            try keys.write(to: file)
            let environment = ["BRUME_UBUNTU_KEYRING": file.path(percentEncoded: false)]
            let sources = try await choose(for: .noble, environment: environment)
            #expect(
                sources.text.hasSuffix(
                    "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\(line)\n -----END PGP PUBLIC KEY BLOCK-----\n"
                )
            )
        }
    }

    @Test func `Ubuntu's variables do not change Debian's mirrors`() async throws {
        let sources = try await choose(
            for: .bookworm,
            lists: ["sources.list": "deb http://mirror.example/debian bookworm main"],
            environment: ["BRUME_UBUNTU_MIRROR": "http://mirror.example/ubuntu"]
        )
        #expect(sources.text.contains("http://mirror.example/debian"))
    }

    @Test func `missing keys are named with the remedy, without a password`() async throws {
        let error = await #expect(throws: WorkshopError.self) {
            try await choose(
                for: .jammy,
                environment: [
                    "BRUME_UBUNTU_MIRROR": "http://ada:secret@mirror.example/ubuntu",
                    "BRUME_UBUNTU_KEYRING": "/nonexistent/keys.gpg",
                ]
            )
        }
        let text = error?.description ?? ""
        #expect(text.contains("/nonexistent/keys.gpg") && text.contains("apt-get install ubuntu-keyring"))
        #expect(text.contains("BRUME_UBUNTU_KEYRING") && text.contains("http://mirror.example/ubuntu"))
        #expect(!text.contains("secret"))
    }
}
