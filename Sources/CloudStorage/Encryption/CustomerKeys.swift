import APIServer
import BlobStore
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

extension Call {
    /// The caller's own key, with which an object is or will be encrypted; nil where the headers name none.
    ///
    /// See [customer-supplied keys](https://docs.cloud.google.com/storage/docs/encryption/customer-supplied-keys).
    ///
    /// - Parameter isSource: Reads the headers for the source of a copy.
    /// - Throws: ``GoogleError`` `customerEncryption…IsInvalid` (400); 501 for keys of a key service.
    func customerKey(ofSource isSource: Bool = false) throws -> BlobKey? {
        let prefix = isSource ? "x-goog-copy-source-encryption-" : "x-goog-encryption-"
        let names = headers.map(\.name.canonicalName).filter { $0.hasPrefix(prefix) }
        guard !names.isEmpty else { return nil }
        for name in names where !["algorithm", "key", "key-sha256"].contains(name.dropFirst(prefix.count)) {
            throw GoogleError.lacking("\(request.method) with \(name)")
        }
        guard header(prefix + "algorithm")?.uppercased() == "AES256" else {
            throw GoogleError.customerKey(
                "customerEncryptionAlgorithmIsInvalid",
                "Missing an encryption algorithm, or the provided algorithm is not \"AES256\": see \(prefix)algorithm."
            )
        }
        guard let key = header(prefix + "key").flatMap({ Data(base64Encoded: $0) }).flatMap(BlobKey.init) else {
            throw GoogleError.customerKey(
                "customerEncryptionKeyFormatIsInvalid",
                "Missing an encryption key, or it is not base 64 of 256 bits: see \(prefix)key."
            )
        }
        guard header(prefix + "key-sha256").flatMap({ Data(base64Encoded: $0) }) == key.sha256 else {
            throw GoogleError.customerKey(
                "customerEncryptionKeySha256IsInvalid",
                "Missing a SHA-256 hash of the encryption key, or it is not that of the key: see \(prefix)key-sha256."
            )
        }
        return key
    }
}

extension ObjectRecord {
    /// Compares the key that a request brings with the one that the content was encrypted with.
    ///
    /// - Throws: ``GoogleError`` (400) unless both are the same, or there are none.
    func check(_ key: BlobKey?) throws {
        switch (seal, key) {
        case (nil, nil): return
        case (let seal?, let key?) where seal.keySHA256 == key.sha256: return
        case (_?, _?): throw GoogleError.incorrectCustomerKey
        case (_?, nil):
            throw GoogleError.customerKey(
                "resourceIsEncryptedWithCustomerEncryptionKey",
                "The target object is encrypted by a customer-supplied encryption key: send the key with the request."
            )
        case (nil, _?):
            throw GoogleError.customerKey(
                "resourceNotEncryptedWithCustomerEncryptionKey",
                "The target object is not encrypted by a customer-supplied encryption key: send no key."
            )
        }
    }

    /// Whether checksums may be shown: they tell of the content, so of an encrypted one only to who has the key.
    func showsChecksums(to key: BlobKey?) -> Bool { seal == nil || seal?.keySHA256 == key?.sha256 }
}

extension BlobSeal {
    /// As the XML API and downloads tell of it.
    var headers: HTTPFields {
        var headers: HTTPFields = [:]
        if let name = HTTPField.Name("x-goog-encryption-algorithm") { headers[name] = "AES256" }
        if let name = HTTPField.Name("x-goog-encryption-key-sha256") { headers[name] = keySHA256.base64EncodedString() }
        return headers
    }
}

extension CloudStorage {
    /// Opens the content of a generation.
    ///
    /// - Throws: ``GoogleError`` (400) for another key than it was encrypted with; ``BlobError``.
    func content(
        of record: ObjectRecord,
        range: Range<Int64>? = nil,
        openedWith key: BlobKey?
    ) async throws -> BlobBytes {
        try record.check(key)
        let expected = ExpectedBlob(size: record.size, crc32c: record.crc32c)
        guard let key else { return try await blobs.read(record.blob, range: range, expecting: expected) }
        return try await blobs.read(record.blob, range: range, expecting: expected, openedWith: key)
    }

    /// Writes the contents of objects one after another, encrypted with a key or with none.
    ///
    /// - Parameter source: The key that they are encrypted with.
    func encrypt(_ records: [ObjectRecord], openedWith source: BlobKey?, with key: BlobKey?) async throws
        -> StoredBlob
    {
        let staged = blobs.stage(sealedWith: key)
        do {
            for record in records {
                for try await chunk in try await content(of: record, openedWith: source) {
                    try await staged.append(chunk)
                }
            }
            return try await staged.commit()
        } catch {
            await staged.discard()
            throw error
        }
    }
}

extension GoogleError {
    /// - Parameter reason: Google's; the XML API's code is the same, capitalized.
    static func customerKey(_ reason: String, _ message: String) -> Self {
        var error = invalid(message, reason: reason)
        error.metadata["code"] = reason.prefix(1).uppercased() + reason.dropFirst()
        return error
    }

    static let incorrectCustomerKey = customerKey(
        "customerEncryptionKeyIsIncorrect",
        "The provided encryption key is incorrect."
    )

    static func customerKeys(with what: String) -> Self { lacking("customer-supplied encryption keys with \(what)") }
}
