/// Who may do what with one resource: roles bound to members.
///
/// See [Policy](https://docs.cloud.google.com/iam/docs/reference/rest/v1/Policy).
package struct Policy: Codable, Sendable, Equatable {
    package struct Binding: Codable, Sendable, Equatable {
        package var role: String
        package var members: [String]
        /// Kept as the client wrote it. Brume evaluates no conditions: a binding that has one grants nothing.
        package var condition: JSON?

        package init(role: String, members: [String], condition: JSON? = nil) {
            self.role = role
            self.members = members
            self.condition = condition
        }
    }

    package var version: Int?
    package var bindings: [Binding]
    /// Changes with every change of the policy; a write that carries an old one is refused.
    package var etag: String?

    package init(bindings: [Binding] = [], version: Int? = 1, etag: String? = nil) {
        self.version = version
        self.bindings = bindings
        self.etag = etag
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        version = try container.decodeIfPresent(Int.self, forKey: .version)
        bindings = try container.decodeIfPresent([Binding].self, forKey: .bindings) ?? []
        etag = try container.decodeIfPresent(String.self, forKey: .etag)
    }
}

extension Policy.Binding {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        role = try container.decode(String.self, forKey: .role)
        members = try container.decodeIfPresent([String].self, forKey: .members) ?? []
        condition = try container.decodeIfPresent(JSON.self, forKey: .condition)
    }
}
