package import APIServer
import CryptoExtras
package import Foundation
package import GRDB
package import GoogleAPI
import Hummingbird
package import MetadataStore

/// Identity and Access Management: service accounts and their keys, the token server, roles, and who holds them.
///
/// Private keys of accounts are in nobody's hands but their owner's; what the cloud itself signs with are files of
/// the keys folder, which only the daemon's user may read.
package struct IAM: Sendable {
    let accounts: ServiceAccountStore
    let policies: PolicyStore
    let keys: KeyFolder
    let tokens: TokenServer
    let now: @Sendable () -> Date
    let makeUniqueID: @Sendable () -> String

    /// - Parameters:
    ///   - keys: The folder of the cloud's own secrets; made when missing.
    ///   - makeUniqueID: 21 digits, never the same twice.
    package init(
        store: MetadataStore,
        keys folder: URL,
        now: @escaping @Sendable () -> Date,
        makeUniqueID: @escaping @Sendable () -> String = UniqueID.make
    ) throws {
        accounts = ServiceAccountStore(
            database: store.database,
            cache: RowCache(),
            keyCache: RowCache(),
            signedIn: RowCache()
        )
        policies = PolicyStore(database: store.database, cache: RowCache())
        keys = KeyFolder(folder)
        tokens = TokenServer(
            store: accounts,
            sealed: SealedTokens(secret: try KeyFolder.secret(in: folder)),
            keys: keys,
            now: now
        )
        self.now = now
        self.makeUniqueID = makeUniqueID
    }
}

package enum UniqueID {
    /// 21 digits, the first of them 1, as Google's.
    @Sendable package static func make() -> String {
        "1" + (0..<20).map { _ in String(Int.random(in: 0...9)) }.joined()
    }
}

// MARK: - What other parts may ask

extension IAM {
    /// An access token of an account, as its guests get from the metadata server.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404) when there is no such account.
    package func accessToken(
        for email: String,
        scopes: [String],
        lifetime: Duration = .seconds(3600)
    ) async throws -> String {
        try await tokens.accessToken(for: usable(email), scopes: scopes, lifetime: lifetime)
    }

    /// A token by which an account proves to `audience` who it is (OpenID Connect).
    ///
    /// - Parameter claims: What it says besides.
    /// - Throws: ``GoogleError`` `notFound` (404) when there is no such account.
    package func identityToken(for email: String, audience: String, claims: JSON = [:]) async throws -> String {
        try await tokens.identityToken(for: usable(email), audience: audience, besides: claims)
    }

    /// Whose bearer token it is: an access token, or a JWT that an account signed itself.
    ///
    /// - Throws: ``GoogleError`` `authError` (401).
    package func identity(ofAccessToken token: String) async throws -> Caller.Identity {
        try await tokens.bearers.read(token).identity
    }

    /// An access token for whoever holds a key file, such as registry clients send as the password of `_json_key`.
    ///
    /// - Throws: ``GoogleError`` `authError` (401) when the key in the file is unknown, disabled or wrong.
    package func accessToken(forKeyFile json: String) async throws -> String {
        guard let file = try? JSON(parsing: Data(json.utf8)), let email = file["client_email"]?.string,
            let pem = file["private_key"]?.string, let key = try? SigningKey(pem: pem)
        else { throw GoogleError.badCredential("the password is no key file of a service account.") }
        let id = file["private_key_id"]?.string ?? key.id
        guard let row = try await accounts.key(id), row.email == email, row.isUsable(at: now()),
            row.publicKey == key.key.publicKey.pemRepresentation,
            let account = try await accounts.account(email), account.isUsable
        else { throw GoogleError.badCredential("the key '\(id)' is unknown, disabled or deleted.") }
        return tokens.accessToken(
            for: account,
            scopes: ["https://www.googleapis.com/auth/cloud-platform"],
            lifetime: .seconds(3600)
        )
    }

    /// Whether one of an account's keys made an RS256 signature, as signed URLs carry.
    package func isSigned(_ data: Data, signature: Data, by email: String) async throws -> Bool {
        try await accounts.keys(of: email).contains { key in
            try key.isUsable(at: now()) && VerificationKey(pem: key.publicKey).isValid(signature, of: data)
        }
    }

    /// Whether an account exists and is enabled.
    package func hasAccount(_ email: String) async throws -> Bool {
        try await accounts.account(email)?.isUsable ?? false
    }

    private func usable(_ email: String) async throws -> ServiceAccount {
        guard let account = try await accounts.account(email) else { throw GoogleError.accountMissing(email) }
        guard account.isUsable else { throw GoogleError.accountUnusable }
        return account
    }

    // MARK: Projects

    /// Makes what every new project begins with: the default accounts, and a policy that names its owner.
    ///
    /// Happens in the transaction that inserts the project. Harmless when repeated.
    package func found(_ project: ProjectIdentity, owner: String, in db: Database) throws {
        let ownAccounts = DefaultAccount.all(of: project)
        for account in ownAccounts where try !accounts.exists(account.email, in: db) {
            try accounts.insert(
                ServiceAccount(
                    email: account.email,
                    project: project.id,
                    uniqueID: makeUniqueID(),
                    displayName: account.displayName
                ),
                isAgent: account.isAgent,
                in: db
            )
        }
        if owner.hasSuffix("@\(project.id).iam.gserviceaccount.com"), try !accounts.exists(owner, in: db) {
            let account = ServiceAccount(
                email: owner,
                project: project.id,
                uniqueID: makeUniqueID(),
                displayName: "Owner"
            )
            try accounts.insert(account, isAgent: false, in: db)
        }
        let kind = owner.hasSuffix(".gserviceaccount.com") ? "serviceAccount" : "user"
        var bindings = [Policy.Binding(role: "roles/owner", members: ["\(kind):\(owner)"])]
        for account in ownAccounts {
            bindings += account.roles.map { Policy.Binding(role: $0, members: ["serviceAccount:\(account.email)"]) }
        }
        try policies.set(Policy(bindings: bindings), on: "projects/\(project.id)", in: db)
    }

    /// The policy of a project, by the project's ID.
    package func policy(ofProject id: String) async throws -> Policy {
        try await policies.policy(on: "projects/\(id)")
    }

    /// Replaces the policy of a project.
    package func setPolicy(_ policy: Policy, ofProject id: String) async throws -> Policy {
        try await policies.set(policy, on: "projects/\(id)")
    }

    /// The key file of an account: `existing` while it is good, else a new one.
    ///
    /// - Parameter existing: What the caller has kept of an earlier call; the cloud keeps no private key.
    package func keyFile(for email: String, existing: Data?) async throws -> Data {
        if let existing, (try? await accessToken(forKeyFile: String(decoding: existing, as: UTF8.self))) != nil {
            return existing
        }
        let account = try await usable(email)
        let (key, _) = try await KeyMethods(store: accounts, now: now).make(for: account)
        return try KeyFile(key, of: account, tokenURI: KeyFile.tokenURI).data()
    }
}

/// The accounts that a project has from the start.
struct DefaultAccount: Sendable {
    var email: String
    var displayName: String
    var isAgent: Bool
    var roles: [String]

    static func all(of project: ProjectIdentity) -> [DefaultAccount] {
        let number = project.number
        return [
            DefaultAccount(
                email: "\(number)-compute@developer.gserviceaccount.com",
                displayName: "Compute Engine default service account",
                isAgent: false,
                roles: ["roles/editor"]
            ),
            DefaultAccount(
                email: "\(number)@cloudbuild.gserviceaccount.com",
                displayName: "Legacy Cloud Build Service Account",
                isAgent: true,
                roles: ["roles/cloudbuild.builds.builder"]
            ),
            DefaultAccount(
                email: "service-\(number)@gs-project-accounts.iam.gserviceaccount.com",
                displayName: "Cloud Storage Service Agent",
                isAgent: true,
                roles: []
            ),
            DefaultAccount(
                email: "service-\(number)@gcp-sa-aiplatform-cc.iam.gserviceaccount.com",
                displayName: "Vertex AI Custom Code Service Agent",
                isAgent: true,
                roles: ["roles/aiplatform.customCodeServiceAgent"]
            ),
        ]
    }
}
