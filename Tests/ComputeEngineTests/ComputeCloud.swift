import APIServer
import BrumeTesting
import ComputeEngine
import Foundation
import GRDB
import GoogleAPI
import Guests
import ImageCatalogue
import Logging
import MetadataStore
import Operations
import ServiceLifecycle
import SimulatedEngine
import Synchronization
import Testing
import Workloads

/// A Compute Engine in memory, on the simulated engine.
struct ComputeCloud: Sendable {
    let engine: SimulatedEngine
    let store: MetadataStore
    let guests: Guests
    let api: TestAPI
    let inside: Inside
    let policies: any PolicySource

    static let project = "/compute/v1/projects/demo"
    static let zone = project + "/zones/europe-west1-b"
    static let instances = zone + "/instances"

    /// Runs a cloud while `body` does.
    ///
    /// - Parameters:
    ///   - earlier: A cloud that ended: its rows and its engine go on.
    ///   - isRunning: Without it, operations are taken and nobody carries them out, as if the daemon had been killed.
    static func run(
        after earlier: ComputeCloud? = nil,
        isRunning: Bool = true,
        simulatesAccelerators: Bool = false,
        prefersVirtualMachines: Bool = false,
        keepsSpareMachines: Bool = false,
        preemptionNotice: Duration = .zero,
        burstLength: Duration = .seconds(3600),
        logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        authorizer: any Authorizer = FixedIdentity(),
        _ body: @escaping @Sendable (ComputeCloud) async throws -> Void
    ) async throws {
        let store =
            try earlier?.store
            ?? MetadataStore(inMemoryWith: [OperationsSchema.self, GuestsSchema.self, ComputeEngineSchema.self])
        let engine = earlier?.engine ?? SimulatedEngine()
        let inside = earlier?.inside ?? Inside()
        let catalogue = ImageCatalogue(engine: engine, pullsUpstream: false, logger: logger)
        if earlier == nil {
            for entry in catalogue.entries {
                await engine.add(catalogue.keptReference(of: entry))
            }
            await engine.whenExecuted { session in await inside.answer(session) }
        }
        let operations = OperationRunner(store: store, logger: logger, now: { Date() })
        let guests = Guests(
            engine: engine,
            store: store,
            networks: KnownNetworks(),
            ports: .init(gateway: 4900, metadata: 4901, names: 4902),
            authorityPEM: "PEM",
            tokens: NoTokens(),
            isServedName: { _ in false },
            gateway: { _, _, onListening in onListening() },
            logger: logger
        )
        let compute = await ComputeEngine(
            store: store,
            operations: operations,
            projects: DemoProject(),
            authorizer: authorizer,
            engine: engine,
            guests: guests,
            catalogue: catalogue,
            tools: Tools(),
            credentials: NoTokens(),
            logins: inside,
            simulatesAccelerators: simulatesAccelerators,
            prefersVirtualMachines: prefersVirtualMachines,
            keepsSpareMachines: keepsSpareMachines,
            preemptionNotice: preemptionNotice,
            burstLength: burstLength,
            logger: logger,
            now: { Date() }
        )
        let cloud = ComputeCloud(
            engine: engine,
            store: store,
            guests: guests,
            api: TestAPI([compute.api]),
            inside: inside,
            policies: compute.policies
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            if isRunning {
                group.addTask { try await operations.run() }
                let keeper = ServiceGroup(services: compute.keepers, logger: logger)
                group.addTask { try await keeper.run() }
            }
            try await body(cloud)
            group.cancelAll()
        }
    }

    // MARK: What tests do

    static let body = """
        {"name": "NAME", "machineType": "zones/europe-west1-b/machineTypes/e2-medium",
         "disks": [{"boot": true, "autoDelete": true, "initializeParams":
            {"sourceImage": "projects/debian-cloud/zones/-/imageFamilyViews/debian-12"}}],
         "networkInterfaces": [{"network": "global/networks/default", "accessConfigs": [{"name": "external-nat"}]}],
         "serviceAccounts": [{"email": "default", "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}]}
        """

    /// The body of an insert, with what the test wants otherwise.
    static func body(_ name: String, _ change: (inout JSON) -> Void = { _ in }) throws -> String {
        var json = try JSON(parsing: Data(body.replacing("NAME", with: name).utf8))
        change(&json)
        return json.text
    }

    /// Inserts an instance and waits for it.
    @discardableResult
    func insert(_ name: String, _ change: (inout JSON) -> Void = { _ in }) async throws -> JSON {
        let operation = try await done(api.post(Self.instances, json: Self.body(name, change)))
        #expect(operation["error"] == nil, "\(operation.text)")
        return try await get(name)
    }

    func get(_ name: String) async throws -> JSON { try await api.get("\(Self.instances)/\(name)").json }

    /// Does something with an instance and waits for it; the operation as it ended.
    @discardableResult
    func perform(_ verb: String, _ name: String, json: String = "{}") async throws -> JSON {
        try await done(api.post("\(Self.instances)/\(name)/\(verb)", json: json))
    }

    /// Waits for the operation that a call has answered.
    func done(_ reply: TestReply) async throws -> JSON {
        try #require(reply.status == 200, "\(reply.text)")
        let link = try #require(reply.json["selfLink"]?.string)
        let path = try #require(URL(string: link)?.path)
        return try await api.post("\(path)/wait").json
    }

    /// Waits until an instance is in a state.
    func instance(_ name: String, in status: String) async throws -> JSON {
        let sql = "SELECT resource FROM computeResources WHERE collection = 'instances' AND name = ?"
        let rows = ValueObservation.tracking { try Data.fetchOne($0, sql: sql, arguments: [name]) }
        for try await row in rows.values(in: store.database) {
            if let row, try JSON(parsing: row)["status"]?.string == status { break }
        }
        return try await get(name)
    }

    /// The operations of a type that nobody has asked for, once there are some.
    func systemOperations(_ type: String) async throws -> [JSON] {
        let count = ValueObservation.tracking { try Int.fetchOne($0, sql: "SELECT count(*) FROM operations") }
        for try await _ in count.values(in: store.database) {
            let all = try await api.get("\(Self.zone)/operations?filter=operationType%3D\(type)").json["items"]
            let found = (all?.array ?? []).filter { $0["user"] == "system" }
            if !found.isEmpty { return found }
        }
        return []
    }

    static func workload(_ instance: JSON) -> WorkloadName { WorkloadName("instance-\(instance["id"]?.string ?? "")") }
}

/// What runs inside machines: notes the commands, and what they were given.
final class Inside: Sendable {
    private let commands = Mutex<[(command: [String], input: String)]>([])

    func answer(_ session: SimulatedSession) async -> Int32 {
        let script = session.command.command.joined(separator: " ")
        let takesInput = ["users-up.sh", "cat > "].contains { script.contains($0) }
        let input = takesInput ? await session.readInput() : ""
        commands.withLock { $0.append((session.command.command, input)) }
        if script.contains("hostkey.pub") { session.print("ssh-ed25519 AAAAhost") }
        return 0
    }

    /// What was given to commands that hold a text, in order.
    func inputs(of text: String) -> [String] {
        commands.withLock { $0.filter { $0.command.joined(separator: " ").contains(text) }.map(\.input) }
    }

    func arguments(of text: String) -> [String]? {
        commands.withLock { $0.last { $0.command.joined(separator: " ").contains(text) }?.command }
    }
}

private struct Tools: MachineTools {
    func mount() async throws -> Mount { Mount(.tools("/tools"), at: "/.brume", isReadOnly: true) }
    func virtualMachines() async throws -> (monitor: VirtualMachineMonitor, mount: Mount) {
        let monitor = VirtualMachineMonitor(boot: ["/boot"], enter: ["/enter"], sizeFile: "/size", overheadBytes: 1)
        return (monitor, Mount(.tools("/machines"), at: "/.brume-vm", isReadOnly: true))
    }
}

private struct NoTokens: TokenIssuer, ImageCredentials {
    func accessToken(for email: String, scopes: [String], lifetime: Duration) async throws -> String { "token" }
    func identityToken(for email: String, audience: String, claims: JSON) async throws -> String { "token" }
    func credential(for image: ImageReference, account: String?) async throws -> RegistryCredential? { nil }
}

extension JSON {
    var text: String { (try? data()).map { String(decoding: $0, as: UTF8.self) } ?? "" }
}

/// One account that may log in.
extension Inside: MachineLogins {
    func keys(for instance: ResourceName) async throws -> String { "ada_example_com:ssh-ed25519 AAAAlogin" }
}
