package import APIServer
package import Foundation
import GoogleAPI
import HTTPTypes
package import MetadataStore

/// Secret Manager: passwords, keys and tokens, kept by version, read by those who may.
///
/// Payloads are rows of the cloud's own database, whose folder only its owner may read. They are in no log and no error.
package struct SecretManager: Sendable {
    private let secrets: SecretMethods
    private let versions: VersionMethods
    private let store: SecretStore

    package init(
        store rows: MetadataStore,
        projects: any ProjectDirectory,
        authorizer: any Authorizer,
        now: @escaping @Sendable () -> Date,
        makeID: @escaping @Sendable () -> String
    ) {
        store = SecretStore(database: rows.database)
        secrets = SecretMethods(store: store, projects: projects, authorizer: authorizer, now: now, makeID: makeID)
        versions = VersionMethods(
            store: VersionStore(database: rows.database),
            secrets: secrets,
            authorizer: authorizer,
            now: now,
            makeID: makeID
        )
    }

    /// The policies on secrets, for the authorizer.
    package var policies: any PolicySource { SecretPolicies(store: store) }

    /// The payload of a version, read by another service in the name of an account.
    ///
    /// - Parameters:
    ///   - version: `projects/P/secrets/S/versions/V`; V may be a number, an alias or `latest`.
    ///   - account: The e-mail address of the service account that reads.
    /// - Throws: ``GoogleError`` `forbidden` (403), `notFound` (404), `FAILED_PRECONDITION` (400) for a version that is
    ///   disabled or destroyed.
    package func payload(of version: String, as account: String) async throws -> Data {
        try await versions.payload(of: version, as: account)
    }

    /// The [Secret Manager API](https://docs.cloud.google.com/secret-manager/docs/reference/rest), v1.
    package func api(authorizer: any Authorizer) -> API {
        let api = MethodTable(authorizer: authorizer)
        let all = "/v1/projects/{project}/secrets"
        let one = "\(all)/{secret}"
        func id(_ name: String) -> String { "secretmanager.projects.secrets\(name)" }
        func may(_ verb: String) -> String { "secretmanager.secrets.\(verb)" }

        api.add(id(".create"), .post, all, requires: may("create"), secrets.create)
        api.add(id(".list"), .get, all, requires: may("list"), secrets.list)
        api.add(id(".get"), .get, one, requires: may("get"), secrets.get)
        api.add(id(".patch"), .patch, one, requires: may("update"), secrets.patch)
        api.add(id(".delete"), .delete, one, requires: may("delete"), secrets.delete)
        api.add(id(".getIamPolicy"), .get, "\(one):getIamPolicy", requires: may("getIamPolicy"), secrets.getPolicy)
        api.add(id(".setIamPolicy"), .post, "\(one):setIamPolicy", requires: may("setIamPolicy"), secrets.setPolicy)
        api.add(id(".testIamPermissions"), .post, "\(one):testIamPermissions", requires: nil, secrets.testPermissions)
        addVersions(to: api, secret: one)

        let regional = "/v1/projects/{project}/locations/{location}/secrets"
        api.lacks("secretmanager.projects.locations.secrets.create", .post, regional)
        api.lacks("secretmanager.projects.locations.secrets.list", .get, regional)
        return API(
            name: "secretmanager",
            hosts: ["secretmanager.googleapis.com"],
            prefix: "/secretmanager",
            table: api
        )
    }

    private func addVersions(to api: MethodTable, secret: String) {
        let all = "\(secret)/versions"
        let one = "\(all)/{version}"
        func id(_ name: String) -> String { "secretmanager.projects.secrets.versions.\(name)" }
        func may(_ verb: String) -> String { "secretmanager.versions.\(verb)" }

        api.add(
            "secretmanager.projects.secrets.addVersion",
            .post,
            "\(secret):addVersion",
            requires: may("add"),
            versions.add
        )
        api.add(id("list"), .get, all, requires: may("list"), versions.list)
        api.add(id("get"), .get, one, requires: may("get"), versions.get)
        api.add(id("access"), .get, "\(one):access", requires: may("access"), versions.access)
        api.add(id("enable"), .post, "\(one):enable", requires: may("enable"), versions.enable)
        api.add(id("disable"), .post, "\(one):disable", requires: may("disable"), versions.disable)
        api.add(id("destroy"), .post, "\(one):destroy", requires: may("destroy"), versions.destroy)
    }
}
