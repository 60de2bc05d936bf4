import Crypto
import CryptoExtras
import Foundation
import SecretFile

/// The cloud's own secrets, each a file that only its owner may read; made when first needed.
actor KeyFolder {
    private let folder: URL
    private var keys: [String: Task<SigningKey, any Error>] = [:]

    init(_ folder: URL) { self.folder = folder }

    /// What access tokens are sealed with.
    static func secret(in folder: URL) throws -> SymmetricKey {
        let file = folder.appending(path: "access-tokens.key")
        if let data = FileManager.default.contents(atPath: file.path) { return SymmetricKey(data: data) }
        let key = SymmetricKey(size: .bits256)
        try write(key.withUnsafeBytes { Data($0) }, to: file)
        return key
    }

    /// A key that the cloud keeps under a name; concurrent first calls share one making.
    func key(_ name: String) async throws -> SigningKey {
        if let key = keys[name] { return try await key.value }
        let file = folder.appending(path: "\(name).pem")
        let task = Task {
            if let data = FileManager.default.contents(atPath: file.path) {
                return try SigningKey(pem: String(decoding: data, as: UTF8.self))
            }
            let key = try await SigningKey.generate()
            try Self.write(Data(key.key.pkcs8PEMRepresentation.utf8), to: file)
            return key
        }
        keys[name] = task
        do {
            return try await task.value
        } catch {
            keys[name] = nil
            throw error
        }
    }

    /// Forgets a key for good.
    func remove(_ name: String) {
        keys[name] = nil
        try? FileManager.default.removeItem(at: folder.appending(path: "\(name).pem"))
    }

    static func write(_ data: Data, to file: URL) throws {
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        try SecretFile(file).write(data)
    }
}
