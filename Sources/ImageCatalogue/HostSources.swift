import Foundation

/// Where the packages of a distribution are fetched from, in apt's words.
package struct HostSources: Sendable, Equatable {
    /// Paragraphs (deb822); none stand for mmdebstrap's own default.
    package var paragraphs: [String]
    /// A file that the archive must have, where it is not one that this machine uses itself.
    package var release: String?

    package var text: String { paragraphs.map { $0 + "\n" }.joined(separator: "\n") }

    /// Chooses: the mirror that the distribution's variable names, else those of this machine, if it is of the same
    /// release, else the public archive.
    ///
    /// [sources.list](https://manpages.debian.org/bookworm/apt/sources.list.5.en.html)
    ///
    /// - Throws: ``WorkshopError/toolMissing(_:remedy:)`` without the keys of an archive that this machine does not use.
    package static func choose(
        for distribution: Distribution,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        under folder: String = "/etc/apt"
    ) throws -> HostSources {
        func value(_ name: String?) -> String? { name.flatMap { environment[$0] }.flatMap { $0.isEmpty ? nil : $0 } }
        let archive = distribution.archive
        let named = value(archive?.mirrorVariable)
        if named == nil {
            let own = paragraphs(of: distribution, under: folder)
            if archive == nil || !own.isEmpty { return HostSources(paragraphs: own) }
        }
        guard let archive else { return HostSources(paragraphs: []) }
        let mirror = (named ?? archive.mirror).trimmingSuffix("/")
        let keyring = value(archive.keyringVariable)
        guard let keys = FileManager.default.contents(atPath: keyring ?? archive.keyring) else {
            throw WorkshopError.toolMissing(
                keyring ?? archive.keyring,
                remedy: "\(distribution.name)'s packages (of \(mirror.withoutPassword)) are verified with it; "
                    + "\(archive.keyringRemedy), or name such a file in \(archive.keyringVariable), then start the cloud "
                    + "anew. The image family debian-12 of debian-cloud needs neither."
            )
        }
        let suite = distribution.suite
        let paragraph = [
            "Types: deb", "URIs: \(mirror)", "Suites: \(suite) \(suite)-updates \(suite)-security",
            "Components: \(distribution.components.sorted().joined(separator: " "))",
            keyring == nil ? "Signed-By: \(archive.keyring)" : signedBy(keys),
        ]
        return HostSources(
            paragraphs: [paragraph.joined(separator: "\n")],
            release: "\(mirror)/dists/\(suite)/InRelease"
        )
    }

    /// Keys as they are written into a list: apt's own user may not read the file that somebody names, and the image
    /// has no such file.
    private static func signedBy(_ keys: Data) -> String {
        var lines = String(decoding: keys, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        if lines.first?.hasPrefix("-----BEGIN") != true {
            let text = keys.base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
            lines =
                ["-----BEGIN PGP PUBLIC KEY BLOCK-----", ""] + text.split(separator: "\n")
                + ["-----END PGP PUBLIC KEY BLOCK-----"]
        }
        return "Signed-By:" + lines.map { $0.allSatisfy(\.isWhitespace) ? "\n ." : "\n \($0)" }.joined()
    }

    /// This machine's own lists of a distribution's archive; empty when it is of another system or another release.
    package static func paragraphs(of distribution: Distribution, under folder: String) -> [String] {
        let lists = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/sources.list.d")) ?? []
        let files = [folder + "/sources.list"] + lists.sorted().map { "\(folder)/sources.list.d/\($0)" }
        var paragraphs: [Paragraph] = []
        for file in files {
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
            if file.hasSuffix(".sources") {
                paragraphs += Paragraph.all(of: text)
            } else if file.hasSuffix(".list") {
                paragraphs += text.split(separator: "\n").compactMap(Paragraph.init(line:))
            }
        }
        paragraphs = paragraphs.filter { $0.isOf(distribution) }
        // An archive of others may have a part of the same name; the distribution's own has all parts.
        var parts: [Substring: Set<String>] = [:]
        for paragraph in paragraphs where paragraph["Suites"].contains(Substring(distribution.suite)) {
            for address in paragraph["URIs"] {
                parts[address, default: []].formUnion(paragraph["Components"].map(String.init))
            }
        }
        let own = paragraphs.filter { paragraph in
            !paragraph["Suites"].contains(Substring(distribution.suite))
                || paragraph["URIs"].allSatisfy { distribution.components.isSubset(of: parts[$0] ?? []) }
        }
        return own.contains { $0["Suites"].contains(Substring(distribution.suite)) } ? own.map(\.text) : []
    }
}

extension String {
    /// An address as it may be shown.
    var withoutPassword: String { replacing(/:\/\/[^\/]*@/, with: "://") }
}

/// An entry of apt's lists.
private struct Paragraph {
    var lines: [Substring]

    var text: String { lines.joined(separator: "\n") }

    subscript(field: String) -> [Substring] {
        let prefix = field.lowercased() + ":"
        guard let line = lines.first(where: { $0.lowercased().hasPrefix(prefix) }) else { return [] }
        return line.dropFirst(prefix.count).split(separator: " ")
    }

    static func all(of text: String) -> [Paragraph] {
        var paragraphs = [Paragraph(lines: [])]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.allSatisfy(\.isWhitespace) {
                paragraphs.append(Paragraph(lines: []))
            } else if !line.hasPrefix("#") {
                paragraphs[paragraphs.count - 1].lines.append(line)
            }
        }
        return paragraphs
    }

    init(lines: [Substring]) { self.lines = lines }

    /// `deb [signed-by=/usr/share/keyrings/…] http://mirror/debian bookworm main` as a paragraph.
    init?(line: Substring) {
        var words = line.split(separator: "#", omittingEmptySubsequences: false)[0].split(separator: " ")
        guard words.first == "deb" else { return nil }
        words.removeFirst()
        var options: [Substring] = []
        if words.first?.hasPrefix("[") == true {
            while let word = words.first {
                words.removeFirst()
                options.append(word)
                if word.hasSuffix("]") { break }
            }
        }
        guard words.count >= 3 else { return nil }
        lines = [
            "Types: deb", "URIs: \(words[0])", "Suites: \(words[1])",
            "Components: \(words[2...].joined(separator: " "))",
        ]
        for option in options {
            let pair = option.trimmingCharacters(in: ["[", "]"]).split(separator: "=", maxSplits: 1)
            if pair.count == 2, pair[0] == "signed-by" { lines.append("Signed-By: \(pair[1])") }
        }
    }

    /// Whether it is of the distribution's own archive. A personal archive of Launchpad's names suites and components
    /// as Ubuntu does.
    func isOf(_ distribution: Distribution) -> Bool {
        self["Types"].contains("deb") && self["Enabled"].first != "no"
            && self["Components"].contains { distribution.components.contains(String($0)) }
            && !self["Suites"].isEmpty && self["Suites"].allSatisfy(distribution.holds)
            && !self["URIs"].contains { $0.contains("ppa.launchpad") }
    }
}
