/// The host names that Brume answers for in Google's place; everything else belongs to the real internet.
package struct ServedNames: Sendable, Equatable {
    /// Each name stands for itself and for every name below it, as in X.509 name constraints.
    package var names: [String]

    package init(_ names: [String]) { self.names = names }

    /// What machine-learning people reach at Google: APIs, registries, sign-in, sources, tunnels, metadata.
    package static let google = ServedNames([
        "googleapis.com", "accounts.google.com", "gcr.io", "pkg.dev", "source.developers.google.com",
        "storage.cloud.google.com", "tunnel.cloudproxy.app", "metadata.google.internal",
    ])

    /// Whether a host, in lower case and without its port, is one of them.
    package func contain(_ host: String) -> Bool {
        names.contains { host == $0 || (host.hasSuffix($0) && host.dropLast($0.count).hasSuffix(".")) }
    }
}

/// A host and a port, as `CONNECT` and proxy targets write them.
struct Authority: Sendable, Equatable {
    /// In lower case; IPv6 addresses without their brackets.
    var host: String
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[address]:port`; nil when it is neither, or lacks a port and there is no `defaultPort`.
    init?(_ text: some StringProtocol, defaultPort: Int? = nil) {
        let name: Substring
        let rest: Substring
        let text = Substring(text)
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            name = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            name = text[..<colon]
            rest = text[colon...]
        }
        guard !name.isEmpty, name.utf8.count <= 255, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return nil
        }
        if rest.isEmpty {
            guard let defaultPort else { return nil }
            port = defaultPort
        } else {
            guard rest.hasPrefix(":"), let number = UInt16(rest.dropFirst()), number > 0 else { return nil }
            port = Int(number)
        }
        host = name.lowercased()
    }

    /// Whether the name can only mean this machine.
    var isLoopback: Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "::1" || host == "0.0.0.0" || host == "::"
            || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
    }

    /// `host:port`, with brackets where they are needed.
    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
