/// The name of an image: `gcr.io/demo/trainer:v1`, `brume/debian-12:latest`, `gcr.io/demo/trainer@sha256:…`.
package struct ImageReference: Hashable, Codable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// As written, with `:latest` added when it names neither a tag nor a digest.
    package let text: String

    package init(_ text: String) {
        let last = text.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        self.text = last.contains(":") || last.contains("@") ? text : text + ":latest"
    }

    package init(stringLiteral value: String) { self.init(value) }

    package var description: String { text }

    /// Everything before the tag or digest.
    package var repository: String {
        if let at = text.firstIndex(of: "@") { return String(text[..<at]) }
        guard let colon = text.lastIndex(of: ":") else { return text }
        return String(text[..<colon])
    }

    /// The tag, or nil when a digest names the image.
    package var tag: String? {
        guard !text.contains("@"), let colon = text.lastIndex(of: ":") else { return nil }
        return String(text[text.index(after: colon)...])
    }

    /// The registry's host, when the first segment is one.
    package var registry: String? {
        guard let first = repository.split(separator: "/").first, repository.contains("/") else { return nil }
        return first.contains(".") || first.contains(":") || first == "localhost" ? String(first) : nil
    }
}

package struct ImageDescription: Sendable, Equatable {
    /// The engine's own identifier of the image's content.
    package var id: String
    package var sizeBytes: Int64
    package var entrypoint: [String]
    package var command: [String]
    package var environment: [String: String]
    package var labels: [String: String]

    package init(
        id: String,
        sizeBytes: Int64 = 0,
        entrypoint: [String] = [],
        command: [String] = [],
        environment: [String: String] = [:],
        labels: [String: String] = [:]
    ) {
        self.id = id
        self.sizeBytes = sizeBytes
        self.entrypoint = entrypoint
        self.command = command
        self.environment = environment
        self.labels = labels
    }
}

package struct RegistryCredential: Sendable {
    package var user: String
    package var password: String

    package init(user: String, password: String) {
        self.user = user
        self.password = password
    }
}

package struct ImageBuildSpec: Sendable {
    package var tags: [ImageReference]
    /// The path of the Dockerfile inside the context.
    package var dockerfile: String
    package var arguments: [String: String]
    package var usesCache: Bool
    /// The network for `RUN`; `host` is the daemon's machine's own.
    package var network: String?

    package init(tags: [ImageReference], dockerfile: String = "Dockerfile") {
        self.tags = tags
        self.dockerfile = dockerfile
        arguments = [:]
        usesCache = true
    }
}
