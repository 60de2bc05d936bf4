import APIServer
import Foundation
import GoogleAPI
import MetadataStore

/// The rules of `projects.serviceAccounts.keys`.
struct KeyMethods: Sendable {
    let store: ServiceAccountStore
    let now: @Sendable () -> Date

    /// Makes a key; its private half is in this answer and nowhere else.
    func create(_ input: CreateKeyInput, as caller: Caller) async throws -> JSON {
        let account = try await store.named(input.resource)
        let (key, row) = try await make(for: account)
        var document = row.document(of: account, format: .none)
        let file = KeyFile(key, of: account, tokenURI: Self.tokenURI(reachedFrom: caller.origin))
        document["privateKeyType"] = "TYPE_GOOGLE_CREDENTIALS_FILE"
        document["privateKeyData"] = .string(try file.data().base64EncodedString())
        return document
    }

    func make(for account: ServiceAccount) async throws -> (SigningKey, ServiceAccountKey) {
        let key = try await SigningKey.generate()
        let row = try ServiceAccountKey(key, of: account, isSystemManaged: false, at: now())
        try await store.insert(row)
        return (key, row)
    }

    func list(_ input: ListKeysInput, as caller: Caller) async throws -> JSON {
        let account = try await store.named(input.resource)
        let documents = try await store.keys(of: account.email).map { $0.document(of: account) }
            .filter { input.types.isEmpty || input.types.contains($0["keyType"]?.string ?? "") }
        return documents.isEmpty ? [:] : ["keys": .array(documents)]
    }

    func get(_ input: KeyInput, as caller: Caller) async throws -> JSON {
        let account = try await store.named(input.resource)
        return try await key(input, of: account).document(of: account, format: input.format)
    }

    func delete(_ input: KeyInput, as caller: Caller) async throws -> JSON {
        try await store.deleteKey(userManaged(input).id)
        return [:]
    }

    func enable(_ input: KeyInput, as caller: Caller) async throws -> JSON {
        try await store.setDisabled(false, key: userManaged(input).id)
        return [:]
    }

    func disable(_ input: KeyInput, as caller: Caller) async throws -> JSON {
        try await store.setDisabled(true, key: userManaged(input).id)
        return [:]
    }

    private func key(_ input: KeyInput, of account: ServiceAccount) async throws -> ServiceAccountKey {
        guard let key = try await store.key(input.key), key.email == account.email else {
            throw GoogleError.keyMissing(input.key)
        }
        return key
    }

    private func userManaged(_ input: KeyInput) async throws -> ServiceAccountKey {
        let key = try await key(input, of: store.named(input.resource))
        guard !key.isSystemManaged else { throw GoogleError.keyIsSystemManaged(key.id) }
        return key
    }

    /// Clients that came over a plain endpoint (door 2) fetch their tokens there too.
    static func tokenURI(reachedFrom origin: String) -> String {
        origin.hasPrefix("http://") && !origin.hasSuffix(".googleapis.com") ? origin + "/token" : KeyFile.tokenURI
    }
}
