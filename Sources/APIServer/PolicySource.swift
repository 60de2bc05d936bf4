package import GoogleAPI

/// Knows the access policies that a service keeps on its own resources: buckets, repositories, service accounts.
///
/// Asked on every call below such a resource, so an answer comes from memory or from one indexed row.
package protocol PolicySource: Sendable {
    /// The policy on a resource, or on the nearest resource above it that has one.
    ///
    /// - Returns: nil when the resource is of another service.
    /// - Throws: ``GoogleError`` `notFound` (404) when it is of this service and does not exist.
    func policy(on resource: ResourceName) async throws -> ResourcePolicy?
}

/// The bindings on one resource, and the project whose policy it inherits.
package struct ResourcePolicy: Sendable, Equatable {
    /// The ID or number of the project; nil: nothing is inherited.
    package var project: String?
    /// May name `allUsers`, `allAuthenticatedUsers` and `projectOwner:ID`.
    package var bindings: [Policy.Binding]

    package init(project: String?, bindings: [Policy.Binding]) {
        self.project = project
        self.bindings = bindings
    }
}

extension Authorizer {
    /// Those of `permissions` that the caller holds: what every `testIamPermissions` method answers.
    package func held(
        _ permissions: [String],
        by caller: Caller,
        on resource: ResourceName
    ) async throws -> [String] {
        var held: [String] = []
        for permission in permissions {
            do {
                try await authorize(caller, for: permission, on: resource)
                held.append(permission)
            } catch let error as GoogleError where [.permissionDenied, .unauthenticated].contains(error.status) {}
        }
        return held
    }
}
