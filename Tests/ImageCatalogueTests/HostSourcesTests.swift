import ImageCatalogue
import Testing

@Suite("the machine's own mirrors")
struct HostSourcesTests {
    @Test func `a line becomes a paragraph, with its key`() {
        #expect(
            HostSources.paragraph(
                ofLine: "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib"
            )
                == """
                Types: deb
                URIs: http://mirror.example/debian
                Suites: bookworm
                Components: main contrib
                Signed-By: /k.gpg
                """
        )
    }

    @Test(arguments: [
        "# deb http://mirror.example/debian bookworm main",
        "deb-src http://mirror.example/debian bookworm main",
        "deb http://tools.example/apt stable main",
        "deb http://tools.example/linux bookworm stable",
        "deb http://mirror.example/ubuntu noble main",
    ])
    func `other lists are left out`(line: String) {
        #expect(HostSources.paragraph(ofLine: Substring(line)) == nil)
    }

    @Test func `of a file, Debian's own paragraphs are kept as they are`() {
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
        #expect(
            HostSources.debianParagraphs(of: text) == [
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
}
