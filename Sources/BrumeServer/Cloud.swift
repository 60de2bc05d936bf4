package import APIServer
import BlobStore
import Foundation
import GoogleAPI
package import Logging
import MetadataStore
import Operations
package import ServiceLifecycle
import SimulatedEngine
import Workloads

/// All parts of one cloud, joined.
///
/// The order is the order of need: rows, then the engine, then the services that use them.
package struct Cloud: Sendable {
    /// Everything that runs long; started in this order, stopped in the reverse.
    package let services: [any Service]
    let edge: Edge
    let engineSocket: String?

    /// Joins the parts of a cloud on a data folder that this process holds.
    package init(_ configuration: CloudConfiguration, logger: Logger) async throws {
        let data = configuration.data
        let now: @Sendable () -> Date = { Date() }

        // Rows
        let schemas: [any Schema.Type] = [
            OperationsSchema.self
        ]
        let store = try MetadataStore(path: data.database, schemas: schemas)
        let operations = OperationRunner(store: store, logger: logger, now: now)

        // Identity: who calls, and what they may do
        let identity = EverybodyIsOwner()

        // Services, each one block: what it needs, and its API
        let apis: [API] = []
        let runners: [any Service] = [operations]

        edge = Edge(apis: apis, authenticator: identity, makeRequestID: RequestID.make)
        services = runners
        engineSocket = nil
    }

    /// Every method of every API, implemented or not: what the coverage page prints.
    package var methods: [(api: String, methods: [MethodDescription])] { edge.methods }
}

/// Stands in until IAM is joined.
private struct EverybodyIsOwner: Authenticator, Authorizer {
    func identity(of call: Call) async throws -> Caller.Identity { .account("owner@example.com") }
    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {}
}

enum RequestID {
    /// 16 hexadecimal digits.
    @Sendable static func make() -> String {
        String(UInt64.random(in: .min ... .max), radix: 16)
    }
}
