import APIServer
import Foundation
import GoogleAPI

/// The rules of `projects.serviceAccounts`.
struct ServiceAccountMethods: Sendable {
    let store: ServiceAccountStore
    let policies: PolicyStore
    let keys: KeyFolder
    let projects: any ProjectDirectory
    let authorizer: any Authorizer
    let makeUniqueID: @Sendable () -> String

    struct List: Encodable, Sendable {
        var accounts: [ServiceAccount]
        var nextPageToken: String?
    }

    func create(_ input: CreateServiceAccountInput, as caller: Caller) async throws -> ServiceAccount {
        let project = try await projects.project(input.resource.last)
        let account = ServiceAccount(
            email: "\(input.body.accountId)@\(project.id).iam.gserviceaccount.com",
            project: project.id,
            uniqueID: makeUniqueID(),
            displayName: input.body.serviceAccount?.displayName,
            description: input.body.serviceAccount?.description
        )
        try await store.insert(account)
        return account
    }

    func list(_ input: ProjectInput, as caller: Caller) async throws -> List {
        let project = try await projects.project(input.resource.last)
        var accounts = try await store.accounts(of: project.id, after: input.pageToken, limit: input.pageSize + 1)
        let hasMore = accounts.count > input.pageSize
        if hasMore { accounts.removeLast() }
        return List(accounts: accounts, nextPageToken: hasMore ? accounts.last?.email : nil)
    }

    func get(_ input: ServiceAccountInput, as caller: Caller) async throws -> ServiceAccount {
        try await store.named(input.resource)
    }

    /// `PATCH` (`serviceAccount`, `updateMask`) and `PUT` (the account itself).
    func patch(_ input: ServiceAccountInput, as caller: Caller) async throws -> ServiceAccount {
        let account = try await store.named(input.resource)
        let fields = input.body["serviceAccount"] ?? input.body
        let mask = input.body["updateMask"]?.string.map { Set($0.split(separator: ",").map(String.init)) }
        if let etag = fields["etag"]?.string, !etag.isEmpty, etag != account.etag { throw GoogleError.policyChanged }
        return try await store.update(account.email) { account in
            if mask?.contains("displayName") ?? mask?.contains("display_name") ?? (fields["displayName"] != nil) {
                account.displayName = fields["displayName"]?.string
            }
            if mask?.contains("description") ?? (fields["description"] != nil) {
                account.description = fields["description"]?.string
            }
        }
    }

    func delete(_ input: ServiceAccountInput, as caller: Caller) async throws -> JSON {
        let account = try await store.named(input.resource)
        try await store.delete(account)
        await keys.remove("accounts/\(account.uniqueId)")
        return [:]
    }

    func enable(_ input: ServiceAccountInput, as caller: Caller) async throws -> JSON {
        try await setDisabled(nil, input)
    }

    func disable(_ input: ServiceAccountInput, as caller: Caller) async throws -> JSON {
        try await setDisabled(true, input)
    }

    private func setDisabled(_ disabled: Bool?, _ input: ServiceAccountInput) async throws -> JSON {
        let account = try await store.named(input.resource)
        _ = try await store.update(account.email) { $0.disabled = disabled }
        return [:]
    }

    // MARK: Who may use the account

    func getIamPolicy(_ input: ServiceAccountInput, as caller: Caller) async throws -> Policy {
        try await policies.policy(on: store.named(input.resource).name)
    }

    func setIamPolicy(_ input: ServiceAccountInput, as caller: Caller) async throws -> Policy {
        let policy: Policy = try (input.body["policy"] ?? [:]).decode()
        return try await policies.set(policy, on: store.named(input.resource).name)
    }

    func testIamPermissions(_ input: ServiceAccountInput, as caller: Caller) async throws -> JSON {
        let wanted = input.body["permissions"]?.array?.compactMap(\.string) ?? []
        let held = try await authorizer.held(wanted, by: caller, on: input.resource)
        return held.isEmpty ? [:] : ["permissions": .array(held.map(JSON.string))]
    }
}

extension ServiceAccountStore {
    /// The account that a resource name names.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404).
    func named(_ resource: ResourceName) async throws -> ServiceAccount {
        let id = resource.value(of: "serviceAccounts") ?? ""
        let found = id.contains("@") ? try await account(id) : try await account(uniqueID: id)
        guard let found else { throw GoogleError.accountMissing(id) }
        return found
    }
}
