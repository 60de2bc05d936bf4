import BlobStore
import Foundation
import GoogleAPI
import HTTPTypes

/// Checksums that a client gave for what it sends.
struct ChecksumChecks: Codable, Sendable {
    var crc32c: String?
    var md5: String?
    /// Hexadecimal, as S3 clients sign it.
    var sha256: String?
    /// In base 64.
    var amazon: [AmazonChecksum: String]?
    /// Those that come after the body.
    var announced: [AmazonChecksum]?

    init() {}

    /// What has to be computed besides the CRC32C.
    var needed: Checksums {
        let own: Checksums = sha256 == nil ? .md5 : [.md5, .sha256]
        return (Array((amazon ?? [:]).keys) + (announced ?? [])).reduce(own) { $0.union($1.needed) }
    }

    /// Reads them from an upload's metadata and from `X-Goog-Hash` and `Content-MD5` headers.
    init(metadata: JSON, headers: HTTPFields) {
        crc32c = metadata["crc32c"]?.string
        md5 = metadata["md5Hash"]?.string
        add(headers)
        for kind in AmazonChecksum.allCases {
            if let value = headers[kind.header] { amazon = (amazon ?? [:]).merging([kind: value]) { $1 } }
        }
        guard let name = HTTPField.Name("x-amz-trailer"), let trailer = headers[name]?.lowercased() else { return }
        let names = trailer.split(separator: ",").map { $0.filter { $0 != " " } }
        announced = AmazonChecksum.allCases.filter { names.contains($0.header.canonicalName) }
    }

    /// Reads those that have been announced out of what follows the body.
    ///
    /// - Throws: ``GoogleError`` `badContent` (400) for one that has not come.
    mutating func add(trailers: [String: String]) throws {
        for kind in announced ?? [] {
            let name = kind.header.canonicalName
            guard let value = trailers[name] else {
                throw GoogleError.malformedUpload("x-amz-trailer announces \(name), and the body ends without it.")
            }
            amazon = (amazon ?? [:]).merging([kind: value]) { $1 }
        }
    }

    mutating func add(_ headers: HTTPFields) {
        if let name = HTTPField.Name("Content-MD5"), let value = headers[name] { md5 = value }
        for name in ["x-amz-content-sha256", "x-goog-content-sha256"] {
            guard let name = HTTPField.Name(name), let value = headers[name], value.utf8.count == 64 else { continue }
            sha256 = value.lowercased()
        }
        guard let name = HTTPField.Name("X-Goog-Hash") else { return }
        for field in headers[values: name] {
            for part in field.split(separator: ",") {
                let text = part.trimmingCharacters(in: .whitespaces)
                if text.hasPrefix("crc32c=") { crc32c = String(text.dropFirst(7)) }
                if text.hasPrefix("md5=") { md5 = String(text.dropFirst(4)) }
            }
        }
    }

    /// - Throws: ``GoogleError`` `invalid` (400) naming both values.
    func check(_ blob: StoredBlob) throws {
        let computed = Base64.text(blob.crc32c)
        if let crc32c, crc32c != computed {
            throw GoogleError.checksumMismatch("CRC32C", given: crc32c, computed: computed)
        }
        if let md5, let bytes = blob.md5, md5 != Data(bytes).base64EncodedString() {
            throw GoogleError.checksumMismatch("MD5", given: md5, computed: Data(bytes).base64EncodedString())
        }
        if let sha256, let bytes = blob.sha256, sha256 != bytes.hexadecimal {
            throw GoogleError.checksumMismatch("SHA-256", given: sha256, computed: bytes.hexadecimal)
        }
        for (kind, given) in amazon ?? [:] {
            guard let computed = kind.value(of: blob) else {
                throw GoogleError.lacking("\(kind.header.canonicalName) for uploads of this kind")
            }
            guard given == computed else {
                throw GoogleError.checksumMismatch(kind.name, given: given, computed: computed)
            }
        }
    }
}

/// The checksums that S3's clients send with what they write.
///
/// See [checking object integrity](https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
enum AmazonChecksum: String, Codable, CodingKeyRepresentable, CaseIterable {
    case crc32, crc32c, crc64nvme, sha1, sha256

    var header: HTTPField.Name { Self.headers[self] ?? .contentType }

    private static let headers = Dictionary(
        uniqueKeysWithValues: allCases.compactMap { kind in
            HTTPField.Name("x-amz-checksum-\(kind.rawValue)").map { (kind, $0) }
        }
    )

    var name: String {
        switch self {
        case .sha1: "SHA-1"
        case .sha256: "SHA-256"
        default: rawValue.uppercased()
        }
    }

    /// What a blob must have been asked for; its CRC32C is always there.
    var needed: Checksums {
        switch self {
        case .crc32: .crc32
        case .crc32c: []
        case .crc64nvme: .crc64nvme
        case .sha1: .sha1
        case .sha256: .sha256
        }
    }

    /// Of a blob, as it travels; nil where it was not computed.
    func value(of blob: StoredBlob) -> String? {
        switch self {
        case .crc32: blob.crc32.map(Base64.text)
        case .crc32c: Base64.text(blob.crc32c)
        case .crc64nvme: blob.crc64nvme.map(Base64.text)
        case .sha1: blob.sha1.map { Data($0).base64EncodedString() }
        case .sha256: blob.sha256.map { Data($0).base64EncodedString() }
        }
    }
}
