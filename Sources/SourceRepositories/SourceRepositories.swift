package import APIServer
package import Foundation
import HTTPTypes
package import Logging
package import MetadataStore
package import ServiceLifecycle

/// Cloud Source Repositories: git repositories that the daemon hosts, and what is pushed to them.
package struct SourceRepositories: Sendable {
    let store: RepositoryStore
    let git: Git
    let ledger: PushLedger
    let repositories: RepositoryMethods
    private let door: GitDoor
    private let accounts: any SourceAccounts
    private let signIn: any Authenticator

    /// - Parameters:
    ///   - folder: Where the repositories lie, each in a folder named by an ID; made when missing.
    ///   - signIn: The cloud's common way of signing in; git's own Basic credentials are read here.
    ///   - pushes: Whom to tell of every change of a branch or tag.
    package init(
        store rows: MetadataStore,
        folder: URL,
        projects: any ProjectDirectory,
        accounts: any SourceAccounts,
        signIn: any Authenticator,
        authorizer: any Authorizer,
        pushes: any PushRecorder,
        logger: Logger,
        now: @escaping @Sendable () -> Date,
        makeID: @escaping @Sendable () -> String
    ) {
        store = RepositoryStore(database: rows.database)
        git = Git(folder: folder)
        ledger = PushLedger(store: store, git: git, recorder: pushes, logger: logger, now: now)
        repositories = RepositoryMethods(
            store: store,
            git: git,
            projects: projects,
            authorizer: authorizer,
            now: now,
            makeID: makeID
        )
        door = GitDoor(store: store, git: git, ledger: ledger, projects: projects, authorizer: authorizer)
        self.accounts = accounts
        self.signIn = signIn
    }

    /// Tells of pushes that an earlier run of the daemon took but did not tell of.
    package var keeper: any Service { ledger }

    /// The policies on repositories, for the authorizer.
    package var policies: any PolicySource { RepositoryPolicies(store: store) }

    package func apis(authorizer: any Authorizer) -> [API] { [api(authorizer: authorizer), gitAPI()] }

    /// The [Cloud Source Repositories API](https://docs.cloud.google.com/source-repositories/docs/reference/rest), v1.
    private func api(authorizer: any Authorizer) -> API {
        let api = MethodTable(authorizer: authorizer)
        let all = "/v1/projects/{project}/repos"
        let one = "\(all)/{repo}"
        func id(_ name: String) -> String { "sourcerepo.projects.\(name)" }

        api.add(id("repos.create"), .post, all, requires: "source.repos.create", repositories.create)
        api.add(id("repos.list"), .get, all, requires: "source.repos.list", repositories.list)
        api.add(id("repos.get"), .get, one, requires: "source.repos.get", repositories.get)
        api.add(id("repos.delete"), .delete, one, requires: "source.repos.delete", repositories.delete)
        api.add(
            id("repos.getIamPolicy"),
            .get,
            "\(one):getIamPolicy",
            requires: "source.repos.getIamPolicy",
            repositories.getPolicy
        )
        api.add(
            id("repos.setIamPolicy"),
            .post,
            "\(one):setIamPolicy",
            requires: "source.repos.setIamPolicy",
            repositories.setPolicy
        )
        api.add(
            id("repos.testIamPermissions"),
            .post,
            "\(one):testIamPermissions",
            requires: nil,
            repositories.testPermissions
        )
        api.lacks(id("repos.patch"), .patch, one)
        api.lacks(id("repos.sync"), .post, "\(one):sync")
        api.lacks(id("getConfig"), .get, "/v1/projects/{project}/config")
        api.lacks(id("updateConfig"), .patch, "/v1/projects/{project}/config")
        return API(
            name: "sourcerepo",
            hosts: ["sourcerepo.googleapis.com"],
            prefix: "/sourcerepo",
            table: api
        )
    }

    /// Git's own protocol over HTTP. It decides itself who may do what, since repositories are named in the path.
    private func gitAPI() -> API {
        let table = MethodTable(authorizer: NobodyAsked())
        let one = "/p/{project}/r/{repo}"
        table.add("git.refs", .get, "\(one)/info/refs", requires: nil, door.refs)
        table.add("git.uploadPack", .post, "\(one)/git-upload-pack", requires: nil, door.uploadPack)
        table.add("git.receivePack", .post, "\(one)/git-receive-pack", requires: nil, door.receivePack)
        return API(
            name: "git",
            hosts: ["source.developers.google.com"],
            paths: ["/p/"],
            errors: .git,
            authenticator: GitSignIn(accounts: accounts, others: signIn),
            table: table
        )
    }
}

/// Whom the access tokens in git's Basic credentials belong to.
package protocol SourceAccounts: Sendable {
    /// - Throws: ``GoogleError`` `authError` (401).
    func identity(ofAccessToken token: String) async throws -> Caller.Identity
}
