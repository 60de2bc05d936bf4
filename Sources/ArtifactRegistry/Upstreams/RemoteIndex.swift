import Foundation
import GoogleAPI
import HTTPTypes

/// One index of Python packages elsewhere, as pip sees it: the
/// [simple repository API](https://packaging.python.org/en/latest/specifications/simple-repository-api/).
struct RemoteIndex: Sendable {
    let base: URL
    let credentials: RemoteCredentials?
    let fetcher: any RemoteFetcher

    /// numpy's page, one of the largest, has 3 MiB.
    private static let maximumBytes = 64 << 20
    private static let json = "application/vnd.pypi.simple.v1+json"

    /// The distributions of a package that Brume can keep; nil when the index does not have the package.
    ///
    /// - Parameter package: A normalized name.
    func files(of package: String) async throws -> [RemoteFile]? {
        let root = base.lastPathComponent == "simple" ? base : base.appending(path: "simple")
        let page = root.appending(path: package, directoryHint: .isDirectory)
        let accepted: HTTPFields = [.accept: "\(Self.json), text/html;q=0.2"]
        guard let answer = try await ask(.get, page, accepted) else { return nil }
        let isJSON = answer.headers[.contentType]?.hasPrefix(Self.json) ?? false
        let data = try await answer.bytes(upTo: Self.maximumBytes)
        let listed =
            isJSON
            ? try Self.files(json: JSON(parsing: data), page)
            : Self.files(html: String(decoding: data, as: UTF8.self), page)
        return listed.filter { (try? PythonName.check(file: $0.name, of: package)) != nil }
    }

    /// Asks for a file's bytes; nil when it is gone.
    func open(_ file: RemoteFile, isHead: Bool) async throws -> RemoteAnswer? {
        try await ask(isHead ? .head : .get, file.url, [:])
    }

    private func ask(_ method: HTTPRequest.Method, _ url: URL, _ headers: HTTPFields) async throws -> RemoteAnswer? {
        var answer = try await fetcher.fetch(method, url, headers: headers)
        // The password is for the index alone, wherever its files may be.
        if answer.status == 401, let credentials, Self.origin(url) == Self.origin(base) {
            var signed = headers
            signed[.authorization] = try await credentials.basic()
            answer = try await fetcher.fetch(method, url, headers: signed)
        }
        switch answer.status {
        case 200..<300: return answer
        case 404, 410: return nil
        case let status: throw RemoteError.answer("status \(status)")
        }
    }

    private static func origin(_ url: URL) -> [String?] { [url.scheme, url.host(), url.port.map(String.init)] }

    private static func files(json: JSON, _ page: URL) -> [RemoteFile] {
        (json["files"]?.array ?? []).compactMap { entry in
            // `yanked` is true, or the reason why.
            let yanked = entry["yanked"]?.string ?? (entry["yanked"]?.bool == true ? "" : nil)
            return RemoteFile(
                name: entry["filename"]?.string,
                address: entry["url"]?.string ?? "",
                page: page,
                sha256: entry["hashes"]?["sha256"]?.string,
                requiresPython: entry["requires-python"]?.string,
                yanked: yanked
            )
        }
    }

    private static func files(html: String, _ page: URL) -> [RemoteFile] {
        html.matches(of: /<[aA]\s([^>]*)>/).compactMap { match in
            var attributes: [String: String] = [:]
            for attribute in match.1.matches(of: /([A-Za-z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?/) {
                let value = attribute.2 ?? attribute.3 ?? ""
                attributes[attribute.1.lowercased()] = unescaped(String(value))
            }
            let parts = (attributes["href"] ?? "").split(separator: "#", maxSplits: 1).map(String.init)
            let hash = parts.count == 2 && parts[1].hasPrefix("sha256=") ? String(parts[1].dropFirst(7)) : nil
            return RemoteFile(
                name: nil,
                address: parts.first ?? "",
                page: page,
                sha256: hash,
                requiresPython: attributes["data-requires-python"],
                yanked: attributes["data-yanked"]
            )
        }
    }

    private static func unescaped(_ text: String) -> String {
        guard text.contains("&") else { return text }
        let entities = [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&"),
        ]
        return entities.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }
}

/// A distribution as an index elsewhere lists it.
struct RemoteFile: Equatable, Sendable {
    var name: String
    var url: URL
    /// `sha256:` and 64 hexadecimal digits; nil when the index does not tell it.
    var digest: String?
    var requiresPython: String?
    /// Why nobody should install it; nil for what everybody may.
    var yanked: String?

    /// Reads an entry; nil when it leads nowhere.
    init?(name: String?, address: String, page: URL, sha256: String?, requiresPython: String?, yanked: String?) {
        guard !address.isEmpty, let url = URL(string: address, relativeTo: page)?.absoluteURL,
            ["http", "https"].contains(url.scheme), url.host() != nil
        else { return nil }
        self.url = url
        self.name = name ?? url.lastPathComponent
        let digest = sha256.map { "sha256:\($0.lowercased())" }
        self.digest = digest.flatMap { (try? ContentDigest.check($0)) == nil ? nil : $0 }
        self.requiresPython = requiresPython
        self.yanked = yanked
    }
}
