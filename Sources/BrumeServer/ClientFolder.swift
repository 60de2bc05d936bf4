import Foundation
import GRDB
package import GoogleAPI
import SecretFile

/// The part of the data folder that clients read: a gcloud configuration of its own with the owner signed in, the
/// owner's key, the certificates to trust, a boto file for gsutil.
///
/// The user's own gcloud configuration is never touched.
package struct ClientFolder: Sendable {
    private let path: String

    package init(_ data: DataFolder) { path = data.client }

    /// `CLOUDSDK_CONFIG`.
    package var gcloud: String { path + "/gcloud" }
    /// The owner's key: `GOOGLE_APPLICATION_CREDENTIALS`.
    package var key: String { path + "/owner-key.json" }
    /// Brume's authority alone (PEM).
    package var authority: String { path + "/brume-ca.pem" }
    /// The machine's authorities and Brume's (PEM): what every variable names.
    package var bundle: String { path + "/ca-bundle.pem" }
    package var boto: String { path + "/boto" }
    /// `DOCKER_CONFIG`.
    package var docker: String { path + "/docker" }

    /// The owner's key file as the Google clients read it; nil before the first start.
    package var ownerKey: JSON? {
        FileManager.default.contents(atPath: key).flatMap { try? JSON(parsing: $0) }
    }

    /// Writes what vouches for Brume's names. Harmless when repeated.
    func writeTrust(authorityPEM: String) throws {
        try makeFolder(path)
        try save(Data(authorityPEM.utf8), to: authority)
        try save(Data((Self.machineAuthorities() + "\n" + authorityPEM).utf8), to: bundle)
    }

    /// Signs the owner in: writes everything that follows from their key. Harmless when repeated.
    func signIn(ownerKey: Data) throws {
        let key = try JSON(parsing: ownerKey)
        let account = key["client_email"]?.string ?? ""
        let project = key["project_id"]?.string ?? ""
        try makeFolder(gcloud + "/configurations")
        try makeFolder(docker)
        // podman refuses a folder without it.
        try saveOnce("{}\n", to: docker + "/config.json")
        try save(ownerKey, to: self.key)
        try save(Data("[GSUtil]\ndefault_project_id = \(project)\nstate_dir = \(path)/gsutil\n".utf8), to: boto)
        try save(Data("default".utf8), to: gcloud + "/active_config")
        try saveOnce(
            """
            [core]
            account = \(account)
            project = \(project)
            disable_usage_reporting = true
            survey_prompts = false

            [component_manager]
            disable_update_check = true

            [survey]
            disable_prompts = true

            """,
            to: gcloud + "/configurations/config_default"
        )
        try signIn(account, key: key, keyFile: ownerKey)
    }

    /// Does what `gcloud auth activate-service-account` does: a row in gcloud's own credential database.
    private func signIn(_ account: String, key: JSON, keyFile: Data) throws {
        let names = [
            "type", "client_email", "private_key_id", "private_key", "client_id", "token_uri", "project_id",
        ]
        let credential = JSON.object(
            Dictionary(names.map { ($0, key[$0] ?? "") }, uniquingKeysWith: { $1 })
        )
        let database = try DatabaseQueue(path: gcloud + "/credentials.db")
        try database.write { db in
            try db.execute(
                sql: #"CREATE TABLE IF NOT EXISTS "credentials" (account_id TEXT PRIMARY KEY, value BLOB)"#
            )
            try db.execute(
                sql: #"INSERT OR REPLACE INTO "credentials" VALUES (?, ?)"#,
                arguments: [account, String(decoding: credential.data(), as: UTF8.self)]
            )
        }
        try database.close()
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: gcloud + "/credentials.db")
        let legacy = gcloud + "/legacy_credentials/" + account
        try makeFolder(legacy)
        try save(keyFile, to: legacy + "/adc.json")
        try save(Data("[Credentials]\ngs_service_key_file = \(legacy)/adc.json\n".utf8), to: legacy + "/.boto")
        try save(keyFile, to: gcloud + "/application_default_credentials.json")
    }

    private func makeFolder(_ folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    private func save(_ content: Data, to file: String) throws {
        if FileManager.default.contents(atPath: file) == content { return }
        try SecretFile(URL(filePath: file)).write(content, isLasting: false)
    }

    /// Writes a file that belongs to the user from then on.
    private func saveOnce(_ text: String, to file: String) throws {
        guard !FileManager.default.fileExists(atPath: file) else { return }
        try save(Data(text.utf8), to: file)
    }

    /// The certificates that this machine trusts already (PEM), so that other hosts stay reachable.
    package static func machineAuthorities(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String {
        let candidates =
            [environment["BRUME_SAVED_SSL_CERT_FILE"], environment["SSL_CERT_FILE"]].compactMap(\.self) + [
                "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
            ]
        for candidate in candidates {
            if let data = FileManager.default.contents(atPath: candidate) {
                return String(decoding: data, as: UTF8.self)
            }
        }
        return ""
    }
}
