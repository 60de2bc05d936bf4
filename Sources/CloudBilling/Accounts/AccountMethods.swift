import APIServer
import GoogleAPI

/// The one account that there is. It is open, and nothing is ever charged to it.
enum BillingAccount {
    static let id = "000000-000000-000000"
    static let name = "billingAccounts/\(id)"

    static let document: JSON = [
        "name": .string(name), "displayName": "Brume: nothing is charged", "open": true, "currencyCode": "USD",
        "masterBillingAccount": "",
    ]
}

/// [Billing accounts](https://docs.cloud.google.com/billing/docs/reference/rest/v1/billingAccounts) and the projects that
/// they would pay for.
struct AccountMethods: Sendable {
    let store: LinkStore
    let projects: any ProjectDirectory

    func list(_ input: NoInput, as caller: Caller) async throws -> JSON {
        ["billingAccounts": [BillingAccount.document]]
    }

    func get(_ input: AccountInput, as caller: Caller) async throws -> JSON { BillingAccount.document }

    func info(_ input: ProjectBillingInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.resource.last)
        return Self.info(of: project.id, isLinked: try await store.isLinked(project.id))
    }

    func update(_ input: ProjectBillingUpdate, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.resource.last)
        try await store.set(project.id, isLinked: input.isLinked)
        return Self.info(of: project.id, isLinked: input.isLinked)
    }

    private static func info(of project: String, isLinked: Bool) -> JSON {
        [
            "name": .string("projects/\(project)/billingInfo"), "projectId": .string(project),
            "billingAccountName": .string(isLinked ? BillingAccount.name : ""), "billingEnabled": .bool(isLinked),
        ]
    }
}
