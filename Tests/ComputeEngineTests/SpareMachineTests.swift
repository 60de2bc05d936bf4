import BrumeTesting
import GoogleAPI
import Guests
import ImageCatalogue
import Logging
import SimulatedEngine
import Testing
import Workloads

@Suite("spare machines", .timeLimit(.minutes(1)))
struct SpareMachineTests {
    /// Runs a cloud that keeps spare machines, and tells the names of those that are ready.
    private func withSpareMachines(
        after earlier: ComputeCloud? = nil,
        _ body: @escaping @Sendable (ComputeCloud, ReadyMachines) async throws -> Void
    ) async throws {
        let ready = ReadyMachines()
        try await ComputeCloud.run(
            after: earlier,
            keepsSpareMachines: true,
            logger: Logger(label: "test", factory: { _ in ready })
        ) { cloud in try await body(cloud, ready) }
    }

    @Test func `the second instance of a kind gets the machine that was started ahead, by its own name`() async throws {
        try await withSpareMachines { cloud, ready in
            try await cloud.insert("first")
            let spare = try await ready.next()
            let address = await cloud.engine.process(of: spare)?.network?.address
            #expect(await cloud.engine.process(of: spare)?.resources.processorTime == .leftOver)
            let second = try await cloud.insert("second") {
                $0["machineType"] = "zones/europe-west1-b/machineTypes/e2-small"
            }
            let workload = ComputeCloud.workload(second)
            let calls = await cloud.engine.calls
            #expect(calls.contains("rename \(spare) to \(workload)"))
            #expect(!calls.contains("create \(workload)"))
            #expect(second["status"] == "RUNNING")
            #expect(second["networkInterfaces"]?[0]?["networkIP"]?.string == address)
            #expect(
                cloud.inside.arguments(of: "users-up.sh")?.suffix(3)
                    == ["\(workload)", "second", "europe-west1-b.c.demo.internal"]
            )
            // The size, which was the first one's, and the rules, which let nobody in.
            let resources = await cloud.engine.process(of: workload)?.resources
            #expect(resources?.memoryBytes == 2 << 30 && resources?.processorTime == .bursting)
            #expect(await cloud.engine.filter(of: workload)?.ingress.isEmpty == false)
            #expect(try await cloud.guests.attributes(of: workload.text).map(\.namespace) == ["hostkeys"])
        }
    }

    @Test func `a spare machine is nobody's: no keys, no account, and it takes no packets`() async throws {
        try await withSpareMachines { cloud, ready in
            try await cloud.insert("first")
            let spare = try await ready.next()
            #expect(await cloud.engine.filter(of: spare)?.ingress.isEmpty == true)
            #expect(cloud.inside.arguments(of: "users-up.sh")?.suffix(2).first == "first")
            let listed = try await cloud.api.get(ComputeCloud.instances).json
            #expect(listed["items"]?.array?.count == 1)
        }
    }

    @Test(arguments: [
        ["networkInterfaces": [["network": "global/networks/default", "networkIP": "10.132.0.77"]]] as JSON,
        ["labels": ["brume-engine": "qemu"]],
        [
            "disks": [
                [
                    "boot": true,
                    "initializeParams": [
                        "sourceImage": "projects/deeplearning-platform-release/global/images/family/pytorch-latest-cpu"
                    ],
                ]
            ]
        ],
    ])
    func `another kind of instance gets a machine of its own`(_ other: JSON) async throws {
        try await withSpareMachines { cloud, ready in
            try await cloud.insert("first")
            let spare = try await ready.next()
            let second = try await cloud.insert("second") { body in
                for (field, value) in other.object ?? [:] { body[field] = value }
            }
            #expect(await cloud.engine.calls.contains("create \(ComputeCloud.workload(second))"))
            #expect(await !cloud.engine.calls.contains { $0.hasPrefix("rename \(spare) ") })
        }
    }

    @Test func `a spare machine whose address was reserved meanwhile goes to nobody`() async throws {
        try await withSpareMachines { cloud, ready in
            try await cloud.insert("first")
            let spare = try await ready.next()
            let address = try #require(await cloud.engine.process(of: spare)?.network?.address)
            let body: JSON = ["name": "kept", "addressType": "INTERNAL", "address": .string(address)]
            _ = try await cloud.done(cloud.api.post(AddressTests.addresses, json: body.text))
            let second = try await cloud.insert("second")
            #expect(second["networkInterfaces"]?[0]?["networkIP"]?.string != address)
            #expect(await !cloud.engine.workloadNames.contains(spare))
        }
    }

    @Test func `a spare machine that died is replaced by a new one`() async throws {
        try await withSpareMachines { cloud, ready in
            try await cloud.insert("first")
            let spare = try await ready.next()
            await cloud.engine.end(spare, with: Exit(code: 137))
            let second = try await cloud.insert("second")
            #expect(second["status"] == "RUNNING")
            #expect(await cloud.engine.calls.contains("create \(ComputeCloud.workload(second))"))
            #expect(await !cloud.engine.workloadNames.contains(spare))
        }
    }

    @Test func `what a killed daemon leaves of spare machines is removed before the next machine is made`() async throws
    {
        try await withSpareMachines { earlier, ready in
            try await earlier.insert("first")
            let spare = try await ready.next()
            // The engine goes away at some moment of this.
            let second = try await earlier.api.post(ComputeCloud.instances, json: ComputeCloud.body("second"))
            #expect(second.status == 200)
            await earlier.engine.goAway()
            try await withSpareMachines(after: earlier) { cloud, _ in
                await cloud.engine.comeBack()
                let instance = try await cloud.instance("second", in: "RUNNING")
                let machines = await cloud.engine.workloadNames.filter { $0.text.hasPrefix("instance-") }
                #expect(machines.count == 2 && machines.contains(ComputeCloud.workload(instance)))
                #expect(await !cloud.engine.workloadNames.contains(spare))
            }
        }
    }

    @Test func `a network is deleted with the spare machine in it`() async throws {
        try await withSpareMachines { cloud, ready in
            let networks = ComputeCloud.project + "/global/networks"
            _ = try await cloud.done(
                cloud.api.post(networks, json: #"{"name": "own", "autoCreateSubnetworks": true}"#)
            )
            try await cloud.insert("first") { $0["networkInterfaces"] = [["network": "global/networks/own"]] }
            let spare = try await ready.next()
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/first"))
            let deleted = try await cloud.done(cloud.api.delete("\(networks)/own"))
            #expect(deleted["error"] == nil, "\(deleted.text)")
            #expect(await !cloud.engine.workloadNames.contains(spare))
        }
    }

    @Test func `a network is deleted while a machine is being started ahead in it`() async throws {
        try await withSpareMachines { cloud, _ in
            let doorstep = await Doorstep(cloud)
            let networks = ComputeCloud.project + "/global/networks"
            _ = try await cloud.done(
                cloud.api.post(networks, json: #"{"name": "own", "autoCreateSubnetworks": true}"#)
            )
            try await cloud.insert("first") { $0["networkInterfaces"] = [["network": "global/networks/own"]] }
            try await doorstep.arrival()
            _ = try await cloud.done(cloud.api.delete("\(ComputeCloud.instances)/first"))
            let deleting = try await cloud.api.delete("\(networks)/own")
            doorstep.open()
            let deleted = try await cloud.done(deleting)
            #expect(deleted["error"] == nil, "\(deleted.text)")
            #expect(await cloud.engine.workloadNames.isEmpty)
            #expect(await cloud.engine.networkSpecs.map(\.name) == [])
        }
    }

    @Test func `the machine that is being started ahead goes to the one instance that asks first`() async throws {
        try await withSpareMachines { cloud, _ in
            let doorstep = await Doorstep(cloud)
            try await cloud.insert("first")
            let spare = try await doorstep.arrival()
            var others: [TestReply] = []
            for name in ["second", "third"] {
                others.append(try await cloud.api.post(ComputeCloud.instances, json: ComputeCloud.body(name)))
            }
            try await withThrowingTaskGroup(of: JSON.self) { group in
                for other in others { group.addTask { try await cloud.done(other) } }
                // Who does not get it does not wait for it.
                #expect(try await group.next()?["error"] == nil)
                #expect(await !cloud.engine.calls.contains { $0.hasPrefix("rename ") })
                doorstep.open()
                for try await operation in group { #expect(operation["error"] == nil) }
            }
            #expect(await cloud.engine.calls.filter { $0.hasPrefix("rename \(spare) to ") }.count == 1)
            let made = await cloud.engine.calls.filter { $0.hasPrefix("create instance-") }
            #expect(made.count == 2)
        }
    }
}

/// Holds spare machines back before they are ready.
private struct Doorstep {
    private let names: AsyncStream<WorkloadName>
    private let gate: AsyncStream<Void>.Continuation

    init(_ cloud: ComputeCloud) async {
        let (names, tell) = AsyncStream.makeStream(of: WorkloadName.self)
        let (opening, gate) = AsyncStream.makeStream(of: Void.self)
        (self.names, self.gate) = (names, gate)
        await cloud.engine.whenExecuted(where: { $0.command == GuestTools.startServer.command }) { session in
            let identity = session.process.files.first { $0.path == GuestTools.identity("").path }
            let name = String(decoding: identity?.content ?? [], as: UTF8.self)
            if name.hasPrefix("spare-") {
                tell.yield(WorkloadName(name))
                for await _ in opening {}
            }
            return await cloud.inside.answer(session)
        }
    }

    /// Waits for a machine that runs and is not ready.
    @discardableResult
    func arrival() async throws -> WorkloadName {
        for await name in names { return name }
        throw CancellationError()
    }

    func open() { gate.finish() }
}

/// The spare machines that the daemon's log tells of.
private struct ReadyMachines: LogHandler {
    private let names: AsyncStream<WorkloadName>
    private let tell: AsyncStream<WorkloadName>.Continuation
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init() { (names, tell) = AsyncStream.makeStream() }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        guard event.message == "a spare machine is ready", let name = event.metadata?["workload"] else { return }
        tell.yield(WorkloadName("\(name)"))
    }

    func next() async throws -> WorkloadName {
        for await name in names { return name }
        throw CancellationError()
    }
}
