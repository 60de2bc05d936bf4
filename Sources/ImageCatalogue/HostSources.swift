import Foundation

/// The machine's own mirrors of Debian packages, for the recipes to use.
package struct HostSources {
    /// Debian's own suites of the release that the recipes are made of.
    private static let suites: Set<Substring> = [
        "bookworm", "bookworm-updates", "bookworm-security", "bookworm-backports", "bookworm/updates",
    ]

    /// The paragraphs (deb822) of Debian's own archive; empty when the machine has none: another system, another
    /// release. The recipes then use mmdebstrap's default.
    ///
    /// [sources.list](https://manpages.debian.org/bookworm/apt/sources.list.5.en.html)
    package static func debian(under folder: String = "/etc/apt") -> String {
        let lists = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/sources.list.d")) ?? []
        let files = [folder + "/sources.list"] + lists.sorted().map { "\(folder)/sources.list.d/\($0)" }
        var paragraphs: [String] = []
        for file in files {
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
            if file.hasSuffix(".sources") {
                paragraphs += debianParagraphs(of: text)
            } else if file.hasSuffix(".list") {
                paragraphs += text.split(separator: "\n").compactMap(paragraph(ofLine:))
            }
        }
        return paragraphs.map { $0 + "\n" }.joined(separator: "\n")
    }

    package static func debianParagraphs(of text: String) -> [String] {
        var paragraphs: [[Substring]] = [[]]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.allSatisfy(\.isWhitespace) {
                paragraphs.append([])
            } else if !line.hasPrefix("#") {
                paragraphs[paragraphs.count - 1].append(line)
            }
        }
        return paragraphs.compactMap { lines in
            func values(_ field: String) -> [Substring] {
                let prefix = field.lowercased() + ":"
                guard let line = lines.first(where: { $0.lowercased().hasPrefix(prefix) }) else { return [] }
                return line.dropFirst(prefix.count).split(separator: " ")
            }
            guard values("Types").contains("deb"), values("Enabled").first != "no",
                values("Components").contains("main"),
                !values("Suites").isEmpty, values("Suites").allSatisfy(suites.contains)
            else { return nil }
            return lines.joined(separator: "\n")
        }
    }

    /// `deb [signed-by=/usr/share/keyrings/…] http://mirror/debian bookworm main` as a paragraph.
    package static func paragraph(ofLine line: Substring) -> String? {
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
        guard words.count >= 3, suites.contains(words[1]), words[2...].contains("main") else { return nil }
        var fields = [
            "Types: deb", "URIs: \(words[0])", "Suites: \(words[1])",
            "Components: \(words[2...].joined(separator: " "))",
        ]
        for option in options {
            let pair = option.trimmingCharacters(in: ["[", "]"]).split(separator: "=", maxSplits: 1)
            if pair.count == 2, pair[0] == "signed-by" { fields.append("Signed-By: \(pair[1])") }
        }
        return fields.joined(separator: "\n")
    }

}
