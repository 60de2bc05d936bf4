import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A method on what belongs to an account.
struct LoginInput: MethodInput {
    var resource = ResourceName([])
    var user: String
    var fingerprint: String
    /// The project in the path or in the query `projectId`; empty: none.
    var project: String
    var body: JSON

    init(from call: Call) async throws {
        user = try call.parameter("user")
        fingerprint = (try? call.parameter("fingerprint")) ?? ""
        project = (try? call.parameter("project")) ?? call.query("projectId") ?? ""
        body = [.post, .patch].contains(call.request.method) ? try await call.body() : [:]
    }
}

struct LoginMethods: Sendable {
    let store: LoginStore
    let projects: any ProjectDirectory
    let onChange: @Sendable () async throws -> Void

    func profile(_ input: LoginInput, as caller: Caller) async throws -> JSON {
        try await store.profile(of: try own(input, caller))
    }

    /// Adds a key, and gives the account a user in the project that is named.
    ///
    /// - Throws: ``GoogleError`` (400) for what is no key; 404 for a project that is not there.
    func importKey(_ input: LoginInput, as caller: Caller) async throws -> JSON {
        let account = try own(input, caller)
        let key = try PublicKey(input.body)
        let project = input.project.isEmpty ? nil : try await projects.project(input.project).id
        try await store.put(key, of: account, project: project)
        try await onChange()
        return ["loginProfile": try await store.profile(of: account)]
    }

    func create(_ input: LoginInput, as caller: Caller) async throws -> JSON {
        let account = try own(input, caller)
        let key = try PublicKey(input.body)
        guard try await store.key(key.fingerprint, of: account) == nil else {
            throw GoogleError.alreadyExists("The SSH public key '\(key.fingerprint)' already exists.")
        }
        try await store.put(key, of: account, project: nil)
        try await onChange()
        return key.document(of: account)
    }

    func get(_ input: LoginInput, as caller: Caller) async throws -> JSON {
        try await found(input, caller).document(of: input.user)
    }

    /// Changes when a key expires.
    func patch(_ input: LoginInput, as caller: Caller) async throws -> JSON {
        var key = try await found(input, caller)
        var body = input.body
        body["key"] = .string(key.key)
        key.expires = try PublicKey(body).expires
        try await store.put(key, of: input.user, project: nil)
        try await onChange()
        return key.document(of: input.user)
    }

    func delete(_ input: LoginInput, as caller: Caller) async throws -> JSON {
        _ = try await found(input, caller)
        _ = try await store.deleteKey(input.fingerprint, of: input.user)
        try await onChange()
        return [:]
    }

    /// Takes an account's user in a project.
    func deleteUser(_ input: LoginInput, as caller: Caller) async throws -> JSON {
        let account = try own(input, caller)
        let project = try await projects.project(input.project).id
        guard try await store.deleteUser(of: account, project: project) else {
            throw GoogleError.notFound("'\(account)' has no POSIX account in the project '\(project)'.")
        }
        try await onChange()
        return [:]
    }

    private func found(_ input: LoginInput, _ caller: Caller) async throws -> PublicKey {
        guard let key = try await store.key(input.fingerprint, of: try own(input, caller)) else {
            throw GoogleError.notFound("The SSH public key '\(input.fingerprint)' was not found.")
        }
        return key
    }

    /// - Throws: ``GoogleError`` `forbidden` (403) for an anonymous caller, and for another account's profile.
    private func own(_ input: LoginInput, _ caller: Caller) throws -> String {
        guard let email = caller.email else { throw GoogleError.forbidden("Sign in to see a login profile.") }
        guard email == input.user else {
            throw GoogleError.forbidden("'\(email)' may not see or change the login profile of '\(input.user)'.")
        }
        return email
    }
}
