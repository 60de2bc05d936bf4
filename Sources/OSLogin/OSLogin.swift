package import APIServer
package import GoogleAPI
import HTTPTypes
package import MetadataStore

/// OS Login: accounts log in to machines as themselves, with the keys of their own profiles.
///
/// See the [REST reference](https://docs.cloud.google.com/compute/docs/oslogin/rest).
package struct OSLogin: Sendable {
    private let store: LoginStore
    private let projects: any ProjectDirectory
    private let authorizer: any Authorizer

    package init(
        store: MetadataStore,
        projects: any ProjectDirectory,
        authorizer: any Authorizer
    ) {
        self.store = LoginStore(database: store.database)
        self.projects = projects
        self.authorizer = authorizer
    }

    /// - Parameter onChange: Called before a change of keys or users is answered.
    package func api(onChange: @escaping @Sendable () async throws -> Void) -> API {
        let table = MethodTable(authorizer: authorizer)
        let methods = LoginMethods(store: store, projects: projects, onChange: onChange)
        let id = "oslogin.users."
        let user = "/v1/users/{user}"
        let key = user + "/sshPublicKeys/{fingerprint}"
        // An account's profile is its own: no role gives another's.
        table.add(id + "getLoginProfile", .get, user + "/loginProfile", requires: nil, methods.profile)
        table.add(id + "importSshPublicKey", .post, user + ":importSshPublicKey", requires: nil, methods.importKey)
        table.add(id + "sshPublicKeys.create", .post, user + "/sshPublicKeys", requires: nil, methods.create)
        table.add(id + "sshPublicKeys.get", .get, key, requires: nil, methods.get)
        table.add(id + "sshPublicKeys.patch", .patch, key, requires: nil, methods.patch)
        table.add(id + "sshPublicKeys.delete", .delete, key, requires: nil, methods.delete)
        table.add(id + "projects.delete", .delete, user + "/projects/{project}", requires: nil, methods.deleteUser)
        table.lacks(id + "projects.provisionPosixAccount", .post, user + "/projects/{project}")
        return API(
            name: "oslogin",
            hosts: ["oslogin.googleapis.com"],
            prefix: "/oslogin",
            aliases: ["/v1beta/": "/v1/", "/v1alpha/": "/v1/"],
            table: table
        )
    }

    /// What metadata would say in `ssh-keys`: the keys of those who may log in to an instance now, by its own policy or its
    /// project's. A `-` stands before those who may not become root there.
    package func keys(for instance: ResourceName) async throws -> String {
        var lines: [String] = []
        for (account, keys) in try await store.users(of: instance.project ?? "") {
            guard try await may("osLogin", account, on: instance) else { continue }
            let isAdmin = try await may("osAdminLogin", account, on: instance)
            lines += keys.map { (isAdmin ? "" : "-") + $0.entry(of: LoginProfile.username(of: account)) }
        }
        return lines.joined(separator: "\n")
    }

    private func may(_ verb: String, _ account: String, on instance: ResourceName) async throws -> Bool {
        let caller = Caller(identity: .account(account), origin: "", requestID: "oslogin")
        do {
            try await authorizer.authorize(caller, for: "compute.instances.\(verb)", on: instance)
            return true
        } catch let error as GoogleError where [.permissionDenied, .notFound].contains(error.status) {
            return false
        }
    }
}
