import Foundation
import GoogleAPI

/// What a path of the registry protocol names.
///
/// Repository names have any number of segments and may hold `blobs` or `tags` themselves, so paths are read from the
/// right.
enum RegistryPath: Equatable {
    /// `/v2/`
    case base
    /// `/v2/token`
    case token
    /// `/v2/_catalog`
    case catalog
    case blob(name: String, digest: String)
    case uploads(name: String)
    case upload(name: String, id: String)
    case manifest(name: String, reference: String)
    case tags(name: String)
    case referrers(name: String, digest: String)

    /// - Parameter path: Decoded, without query.
    init?(_ path: String) {
        guard path.hasPrefix("/v2") else { return nil }
        var segments = path.dropFirst(3).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if segments.first == "" { segments.removeFirst() }
        let endsInSlash = segments.last == ""
        if endsInSlash { segments.removeLast() }
        switch segments {
        case []: self = .base
        case ["token"]: self = .token
        case ["_catalog"]: self = .catalog
        default:
            let count = segments.count
            func name(_ dropped: Int) -> String { segments.dropLast(dropped).joined(separator: "/") }
            let last = segments[count - 1]
            if count >= 3, segments[count - 2] == "blobs", last == "uploads" {
                self = .uploads(name: name(2))
            } else if count >= 4, segments[count - 3] == "blobs", segments[count - 2] == "uploads" {
                self = .upload(name: name(3), id: last)
            } else if count >= 3, segments[count - 2] == "blobs" {
                self = .blob(name: name(2), digest: last)
            } else if count >= 3, segments[count - 2] == "manifests" {
                self = .manifest(name: name(2), reference: last)
            } else if count >= 3, segments[count - 2] == "tags", last == "list" {
                self = .tags(name: name(2))
            } else if count >= 3, segments[count - 2] == "referrers" {
                self = .referrers(name: name(2), digest: last)
            } else {
                return nil
            }
        }
    }
}

/// A place in the registry: whose, in which repository, under which name.
///
/// `gcr.io/P/IMG` and `localhost:PORT/P/IMG` are one place, in the repository `gcr.io`; `REGION-docker.pkg.dev/P/R/IMG`
/// is in the repository `R`. See [gcr.io repositories](https://docs.cloud.google.com/artifact-registry/docs/transition/gcr-repositories).
struct RegistryPlace: Hashable {
    var project: String
    var location: String
    var repository: String
    /// Empty for the repository itself, in listings.
    var image: String
    /// As clients write it, without scheme and tag: `gcr.io/demo/trainer`.
    var written: String

    /// `mirror.gcr.io` is where the engine looks for Docker Hub's images.
    static let multiRegions = [
        "gcr.io": "us", "us.gcr.io": "us", "eu.gcr.io": "europe", "asia.gcr.io": "asia", "mirror.gcr.io": "us",
    ]

    /// Reads a repository name as it stands in a path.
    ///
    /// - Parameters:
    ///   - host: The host that the client spoke to, without port.
    ///   - name: `demo/trainer`; on a plain endpoint it may begin with a registry host of its own.
    /// - Throws: ``GoogleError`` `NAME_INVALID` (400).
    init(host: String, name: String, listing: Bool = false) throws {
        var host = host.hasSuffix(".localhost") ? String(host.dropLast(".localhost".count)) : host
        var segments = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if !Self.isRegistry(host) {
            host = "gcr.io"
            if let first = segments.first, Self.isRegistry(first) {
                host = first
                segments.removeFirst()
            }
        }
        guard !segments.isEmpty, segments.allSatisfy(Self.isSegment) else { throw GoogleError.nameInvalid(name) }
        written = ([host] + segments).joined(separator: "/")
        if let location = Self.multiRegions[host] {
            self.location = location
            repository = host
            // Projects of a domain, `example.com:project`, are written `example.com/project`.
            if segments.count > 1, segments[0].contains(".") {
                project = segments[0] + ":" + segments[1]
                segments.removeFirst(2)
            } else {
                project = segments.removeFirst()
            }
        } else {
            guard let location = Self.location(of: host) else { throw GoogleError.nameUnknown(written) }
            self.location = location
            if segments.count > 2, segments[0].contains(".") {
                project = segments[0] + ":" + segments[1]
                segments.removeFirst(2)
            } else {
                project = segments.removeFirst()
            }
            guard !segments.isEmpty else { throw GoogleError.nameInvalid(name) }
            repository = segments.removeFirst()
        }
        image = segments.joined(separator: "/")
        guard listing || !image.isEmpty else { throw GoogleError.nameInvalid(name) }
    }

    init(project: String, location: String, repository: String, image: String) {
        self.project = project
        self.location = location
        self.repository = repository
        self.image = image
        let base = Self.uri(project: project, location: location, repository: repository)
        written = image.isEmpty ? base : base + "/" + image
    }

    /// Where clients push to: `europe-west1-docker.pkg.dev/demo/images`, `gcr.io/demo`.
    static func uri(project: String, location: String, repository: String) -> String {
        let project = project.replacingOccurrences(of: ":", with: "/")
        if multiRegions[repository] != nil { return "\(repository)/\(project)" }
        return "\(location)-docker.pkg.dev/\(project)/\(repository)"
    }

    var isLegacy: Bool { Self.multiRegions[repository] != nil }

    /// The repository as a resource whose policy decides.
    var resource: ResourceName {
        ResourceName(["projects", project, "locations", location, "repositories", repository])
    }

    static func isRegistry(_ host: String) -> Bool { multiRegions[host] != nil || location(of: host) != nil }

    private static func location(of host: String) -> String? {
        guard host.hasSuffix("-docker.pkg.dev") else { return nil }
        return String(host.dropLast("-docker.pkg.dev".count))
    }

    private static func isSegment(_ segment: String) -> Bool {
        guard let first = segment.utf8.first, let last = segment.utf8.last, segment.utf8.count <= 255 else {
            return false
        }
        func isAlphanumeric(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (48...57).contains(byte) }
        return isAlphanumeric(first) && isAlphanumeric(last) && !segment.contains("..")
            && segment.utf8.allSatisfy { isAlphanumeric($0) || [45, 46, 95].contains($0) }
    }
}

/// The name of content by its hash: `sha256:` and 64 hexadecimal digits.
enum ContentDigest {
    /// - Throws: ``GoogleError`` `DIGEST_INVALID` (400).
    static func check(_ text: String) throws {
        let digits = text.dropFirst("sha256:".count)
        guard text.hasPrefix("sha256:"), digits.utf8.count == 64,
            digits.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { throw GoogleError.digestInvalid(text, "is not 'sha256:' and 64 hexadecimal digits") }
    }

    /// The hash itself; empty for what is no digest.
    static func bytes(_ digest: String) -> Data {
        let digits = digest.dropFirst("sha256:".count).utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return Data(stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
    }

    static func text(_ hash: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("sha256:".utf8)
        for byte in hash {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
