/// A release of a distribution whose packages images are made of.
package struct Distribution: Sendable, Equatable {
    /// For people: `Ubuntu 24.04`.
    package var name: String
    /// What its archive calls it: `noble`.
    package var suite: String
    /// The parts of the archive that recipes take packages from.
    package var components: Set<String>
    /// Where its packages are for a machine that is not of this release; nil: where mmdebstrap looks by itself.
    package var archive: Archive?

    /// A public archive of packages, and the variables that name another.
    package struct Archive: Sendable, Equatable {
        /// `http://archive.ubuntu.com/ubuntu`.
        package var mirror: String
        package var mirrorVariable: String
        /// The file of the keys that the archive is signed with.
        package var keyring: String
        package var keyringVariable: String
        /// How to come by the file.
        package var keyringRemedy: String
    }

    package static let bookworm = Distribution(name: "Debian 12", suite: "bookworm", components: ["main"])
    package static let jammy = ubuntu("22.04", "jammy")
    package static let noble = ubuntu("24.04", "noble")

    private static func ubuntu(_ version: String, _ suite: String) -> Distribution {
        Distribution(
            name: "Ubuntu \(version)",
            suite: suite,
            components: ["main", "universe"],
            archive: Archive(
                mirror: "http://archive.ubuntu.com/ubuntu",
                mirrorVariable: "BRUME_UBUNTU_MIRROR",
                keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
                keyringVariable: "BRUME_UBUNTU_KEYRING",
                keyringRemedy: "`sudo apt-get install ubuntu-keyring`, which Debian 12 has in bookworm-backports"
            )
        )
    }

    /// Whether a suite is one of the release's own archive.
    package func holds(_ suite: Substring) -> Bool {
        guard suite.hasPrefix(self.suite) else { return false }
        return ["", "-updates", "-security", "-backports", "/updates"].contains(suite.dropFirst(self.suite.count))
    }
}
