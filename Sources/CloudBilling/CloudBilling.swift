package import APIServer
package import Billing
import HTTPTypes
package import MetadataStore

/// Cloud Billing: which account pays for a project (none ever does), and the catalogue of prices.
package struct CloudBilling: Sendable {
    private let store: LinkStore
    private let projects: any ProjectDirectory
    private let estimates: EstimateMethods

    /// - Parameter machine: What a machine type is made of; nil when there is none of that name.
    package init(
        store: MetadataStore,
        projects: any ProjectDirectory,
        machine: @escaping @Sendable (_ type: String) throws -> Usage.Machine?
    ) {
        self.store = LinkStore(database: store.database)
        self.projects = projects
        estimates = EstimateMethods(machine: machine)
    }

    package func api(authorizer: any Authorizer) -> API {
        let table = MethodTable(authorizer: authorizer)
        let id = "cloudbilling."
        let accounts = AccountMethods(store: store, projects: projects)
        let account = "/v1/billingAccounts/{account}"
        table.add(id + "billingAccounts.list", .get, "/v1/billingAccounts", requires: nil, accounts.list)
        table.add(id + "billingAccounts.get", .get, account, requires: nil, accounts.get)
        table.add(
            id + "projects.getBillingInfo",
            .get,
            "/v1/projects/{project}/billingInfo",
            requires: "resourcemanager.projects.get",
            accounts.info
        )
        table.add(
            id + "projects.updateBillingInfo",
            .put,
            "/v1/projects/{project}/billingInfo",
            requires: "resourcemanager.projects.createBillingAssignment",
            accounts.update
        )
        table.lacks(id + "billingAccounts.projects.list", .get, account + "/projects")
        table.lacks(id + "billingAccounts.create", .post, "/v1/billingAccounts")
        table.lacks(id + "billingAccounts.patch", .patch, account)

        table.add(id + "services.list", .get, "/v1/services", requires: nil, CatalogueMethods.services)
        table.add(id + "services.skus.list", .get, "/v1/services/{service}/skus", requires: nil, CatalogueMethods.skus)

        let verb = ":estimateCostScenario"
        table.add(id + "estimateCostScenario", .post, "/v1beta" + verb, requires: nil, estimates.estimate)
        table.add(
            id + "billingAccounts.estimateCostScenario",
            .post,
            "/v1beta/billingAccounts/{account}" + verb,
            requires: nil,
            estimates.estimate
        )
        return API(name: "cloudbilling", hosts: ["cloudbilling.googleapis.com"], prefix: "/cloudbilling", table: table)
    }
}
