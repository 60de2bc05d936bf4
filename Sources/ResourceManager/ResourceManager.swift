package import APIServer
package import Foundation
package import GRDB
package import GoogleAPI
import HTTPTypes
package import MetadataStore

/// What Resource Manager needs of IAM.
package protocol ProjectAccess: Sendable {
    /// Makes a new project's default accounts and its policy, in the transaction that inserts the project.
    func found(_ project: ProjectIdentity, owner: String, in db: Database) throws
    func policy(ofProject id: String) async throws -> Policy
    func setPolicy(_ policy: Policy, ofProject id: String) async throws -> Policy
}

/// Resource Manager: projects. Organizations and folders are none.
package struct ResourceManager: ProjectDirectory {
    private let store: ProjectStore
    private let access: any ProjectAccess
    private let now: @Sendable () -> Date
    private let makeNumber: @Sendable () -> Int64

    /// - Parameter makeNumber: A project number of 12 digits.
    package init(
        store: MetadataStore,
        access: any ProjectAccess,
        now: @escaping @Sendable () -> Date,
        makeNumber: @escaping @Sendable () -> Int64 = { Int64.random(in: 100_000_000_000...999_999_999_999) }
    ) {
        self.store = ProjectStore(database: store.database)
        self.access = access
        self.now = now
        self.makeNumber = makeNumber
    }

    package func project(_ idOrNumber: String) async throws -> ProjectIdentity {
        guard let project = try await store.find(idOrNumber) else { throw GoogleError.projectMissing(idOrNumber) }
        guard project.lifecycleState == .active else { throw GoogleError.projectDeleted(idOrNumber) }
        return ProjectIdentity(id: project.projectId, number: project.projectNumber)
    }

    /// The first project and its owner `owner@ID.iam.gserviceaccount.com`; made when missing.
    ///
    /// - Returns: The owner's e-mail address.
    package func bootstrap(project id: String) async throws -> String {
        let owner = "owner@\(id).iam.gserviceaccount.com"
        if try await store.find(id) == nil {
            _ = try await methods(authorizer: nil).create(id: id, name: id, labels: nil, parent: nil, owner: owner)
        }
        return owner
    }

    private func methods(
        authorizer: (any Authorizer)?,
        onPolicyChange: @escaping @Sendable (String) async throws -> Void = { _ in }
    ) -> ProjectMethods {
        ProjectMethods(
            store: store,
            access: access,
            authorizer: authorizer,
            onPolicyChange: onPolicyChange,
            now: now,
            makeNumber: makeNumber
        )
    }

    /// - Parameter onPolicyChange: Called with a project's ID before a change of its policy is answered.
    package func api(
        authorizer: any Authorizer,
        onPolicyChange: @escaping @Sendable (String) async throws -> Void = { _ in }
    ) -> API {
        let table = MethodTable(authorizer: AnyState(authorizer: authorizer, store: store, access: access))
        let projects = methods(authorizer: authorizer, onPolicyChange: onPolicyChange)
        let id = "cloudresourcemanager.projects."
        let may = "resourcemanager.projects."
        for version in ["v1", "v3"] {
            let all = "/\(version)/projects"
            let one = all + "/{project}"
            table.add(
                id + "getIamPolicy",
                .post,
                one + ":getIamPolicy",
                requires: may + "getIamPolicy",
                projects.getIamPolicy
            )
            table.add(
                id + "setIamPolicy",
                .post,
                one + ":setIamPolicy",
                requires: may + "setIamPolicy",
                projects.setIamPolicy
            )
            table.add(
                id + "testIamPermissions",
                .post,
                one + ":testIamPermissions",
                requires: nil,
                projects.testIamPermissions
            )
            table.add(
                "cloudresourcemanager.operations.get",
                .get,
                "/\(version)/operations/{operation}",
                requires: nil,
                projects.operation
            )
        }
        let v1 = "/v1/projects"
        table.add(id + "create", .post, v1, requires: nil, projects.create)
        table.add(id + "list", .get, v1, requires: nil, projects.list)
        table.add(id + "get", .get, v1 + "/{project}", requires: may + "get", projects.get)
        table.add(id + "update", .put, v1 + "/{project}", requires: may + "update", projects.update)
        table.add(id + "delete", .delete, v1 + "/{project}", requires: may + "delete", projects.delete)
        table.add(id + "undelete", .post, v1 + "/{project}:undelete", requires: may + "undelete", projects.undelete)
        table.add(id + "getAncestry", .post, v1 + "/{project}:getAncestry", requires: may + "get", projects.ancestry)

        let v3 = "/v3/projects"
        let id3 = "cloudresourcemanager.v3.projects."
        table.add(id3 + "create", .post, v3, requires: nil, projects.createV3)
        table.add(id3 + "list", .get, v3, requires: nil, projects.listV3)
        table.add(id3 + "search", .get, v3 + ":search", requires: nil, projects.listV3)
        table.add(id3 + "get", .get, v3 + "/{project}", requires: may + "get", projects.getV3)
        table.add(id3 + "patch", .patch, v3 + "/{project}", requires: may + "update", projects.patchV3)
        table.add(id3 + "delete", .delete, v3 + "/{project}", requires: may + "delete", projects.deleteV3)
        table.add(id3 + "undelete", .post, v3 + "/{project}:undelete", requires: may + "undelete", projects.undeleteV3)
        table.lacks(id3 + "move", .post, v3 + "/{project}:move")

        // This cloud has no organizations and no folders: every search is empty.
        table.add(
            "cloudresourcemanager.organizations.search",
            .post,
            "/v1/organizations:search",
            requires: nil,
            projects.nothing
        )
        table.add(
            "cloudresourcemanager.v3.organizations.search",
            .get,
            "/v3/organizations:search",
            requires: nil,
            projects.nothing
        )
        table.add("cloudresourcemanager.v3.folders.search", .get, "/v3/folders:search", requires: nil, projects.nothing)
        table.add("cloudresourcemanager.v3.folders.list", .get, "/v3/folders", requires: nil, projects.nothing)
        return API(
            name: "cloudresourcemanager",
            hosts: ["cloudresourcemanager.googleapis.com"],
            prefix: "/cloudresourcemanager",
            table: table
        )
    }
}

/// Decides about projects that are shut down, which the directory of active projects does not find: their members
/// still see them, and their owners may bring them back.
private struct AnyState: Authorizer {
    let authorizer: any Authorizer
    let store: ProjectStore
    let access: any ProjectAccess

    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        guard let id = resource.project, let project = try await store.find(id), project.lifecycleState != .active
        else {
            return try await authorizer.authorize(caller, for: permission, on: resource)
        }
        guard let email = caller.email else { throw GoogleError.signInFirst }
        let roles = try await access.policy(ofProject: project.projectId).roles(of: email)
        switch permission {
        case "resourcemanager.projects.get" where !roles.isEmpty: return
        case "resourcemanager.projects.undelete" where roles.contains("roles/owner"): return
        default: throw GoogleError.projectDeleted(id)
        }
    }
}

extension Policy {
    /// The roles that an account holds by name.
    func roles(of email: String) -> Set<String> {
        let members = ["user:\(email)", "serviceAccount:\(email)"]
        return Set(bindings.filter { $0.members.contains(where: members.contains) }.map(\.role))
    }
}
