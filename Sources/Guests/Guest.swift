package import GoogleAPI

/// Who a workload is: what the metadata server tells it about itself.
package struct Guest: Codable, Sendable, Equatable {
    package var projectID: String
    package var projectNumber: Int64
    /// The e-mail address of the service account whose tokens the workload gets; nil: no credentials.
    package var serviceAccount: String?
    package var scopes: [String]
    /// The tree under `computeMetadata/v1/instance`, with keys as `recursive=true` shows them: `id`, `name`, `zone`,
    /// `hostname`, `machineType`, `attributes`, …
    package var instance: JSON
    /// The tree under `computeMetadata/v1/project/attributes`.
    package var projectAttributes: JSON

    package init(
        projectID: String,
        projectNumber: Int64,
        serviceAccount: String? = nil,
        scopes: [String] = ["https://www.googleapis.com/auth/cloud-platform"],
        instance: JSON = [:],
        projectAttributes: JSON = [:]
    ) {
        self.projectID = projectID
        self.projectNumber = projectNumber
        self.serviceAccount = serviceAccount
        self.scopes = scopes
        self.instance = instance
        self.projectAttributes = projectAttributes
    }

    /// The scopes of a token that a program in the guest asks for: never more than the guest has.
    ///
    /// - Parameter wanted: Empty for all; those that the guest lacks are left out, as Google's metadata server does.
    package func scopes(among wanted: [String]) -> [String] {
        if wanted.isEmpty { return scopes }
        if scopes.contains("https://www.googleapis.com/auth/cloud-platform") { return wanted }
        let held = wanted.filter(scopes.contains)
        return held.isEmpty ? scopes : held
    }

    /// What identity tokens in full format say of the machine that asks, see
    /// [payload](https://docs.cloud.google.com/compute/docs/instances/verifying-instance-identity#payload).
    var identityClaims: JSON {
        var machine: JSON = ["project_id": .string(projectID), "project_number": .integer(projectNumber)]
        if let id = instance["id"]?.integer { machine["instance_id"] = .string(String(id)) }
        machine["instance_name"] = instance["name"]
        machine["zone"] = zone.map { .string($0) }
        return ["google": ["compute_engine": machine]]
    }

    /// `us-central1-a`, of `projects/123/zones/us-central1-a`.
    var zone: String? { instance["zone"]?.string?.split(separator: "/").last.map { String($0) } }

    /// The names by which others in the network find the guest, in lower case.
    var hostNames: [String] {
        var names: [String] = []
        if let hostname = instance["hostname"]?.string { names.append(hostname) }
        if let name = instance["name"]?.string {
            if let zone { names.append("\(name).\(zone).c.\(projectID).internal") }
            names.append("\(name).c.\(projectID).internal")
        }
        return names.map { $0.lowercased() }
    }

    /// What a guest's resolver adds to short names.
    var searchDomains: [String] {
        (zone.map { ["\($0).c.\(projectID).internal"] } ?? []) + ["c.\(projectID).internal", "google.internal"]
    }
}

/// Where a guest is.
package struct GuestPlace: Sendable, Equatable {
    package var network: String
    /// Nil until the engine tells it, when it gives no fixed addresses.
    package var address: String?

    package init(network: String, address: String? = nil) {
        self.network = network
        self.address = address
    }
}

/// Gives guests the tokens of their service accounts. IAM is fitted to it.
package protocol TokenIssuer: Sendable {
    func accessToken(for email: String, scopes: [String], lifetime: Duration) async throws -> String
    /// - Parameter claims: What the token says besides the account; empty: nothing.
    func identityToken(for email: String, audience: String, claims: JSON) async throws -> String
}
