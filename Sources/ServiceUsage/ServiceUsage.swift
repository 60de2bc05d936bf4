package import APIServer
import HTTPTypes
package import MetadataStore

/// Service Usage: which of Google's services a project has switched on.
package struct ServiceUsage: Sendable {
    private let store: ServiceStore
    private let projects: any ProjectDirectory
    private let makeID: @Sendable () -> String

    /// - Parameter makeID: Names operations; never the same twice.
    package init(store: MetadataStore, projects: any ProjectDirectory, makeID: @escaping @Sendable () -> String) {
        self.store = ServiceStore(database: store.database)
        self.projects = projects
        self.makeID = makeID
    }

    package func api(authorizer: any Authorizer) -> API {
        let table = MethodTable(authorizer: authorizer)
        let services = ServiceMethods(store: store, projects: projects, authorizer: authorizer, makeID: makeID)
        let all = "/v1/projects/{project}/services"
        let one = all + "/{service}"
        let id = "serviceusage.services."
        table.add(id + "list", .get, all, requires: id + "list", services.list)
        table.add(id + "get", .get, one, requires: id + "get", services.get)
        table.add(id + "batchGet", .get, all + ":batchGet", requires: id + "get", services.batchGet)
        table.add(id + "enable", .post, one + ":enable", requires: id + "enable", services.enable)
        table.add(id + "batchEnable", .post, all + ":batchEnable", requires: id + "enable", services.batchEnable)
        table.add(id + "disable", .post, one + ":disable", requires: id + "disable", services.disable)
        table.add(
            "serviceusage.operations.get",
            .get,
            "/v1/operations/{operation}",
            requires: nil,
            services.operation
        )
        table.lacks("serviceusage.operations.list", .get, "/v1/operations")
        return API(name: "serviceusage", hosts: ["serviceusage.googleapis.com"], prefix: "/serviceusage", table: table)
    }
}
