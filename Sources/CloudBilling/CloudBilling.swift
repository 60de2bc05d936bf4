package import APIServer
import HTTPTypes
package import MetadataStore

/// Cloud Billing: which account pays for a project (none ever does), and the catalogue of prices.
package struct CloudBilling: Sendable {
    private let store: LinkStore
    private let projects: any ProjectDirectory

    package init(store: MetadataStore, projects: any ProjectDirectory) {
        self.store = LinkStore(database: store.database)
        self.projects = projects
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
        return API(name: "cloudbilling", hosts: ["cloudbilling.googleapis.com"], prefix: "/cloudbilling", table: table)
    }
}
