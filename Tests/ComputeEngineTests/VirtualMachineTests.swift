import BrumeTesting
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("machines with a kernel of their own", .timeLimit(.minutes(1)))
struct VirtualMachineTests {
    @Test(arguments: [false, true])
    func `a label gives a machine a kernel of its own or none, and others have what the cloud prefers`(prefers: Bool)
        async throws
    {
        try await ComputeCloud.run(prefersVirtualMachines: prefers) { cloud in
            let own = try await cloud.insert("own") { $0["labels"] = ["brume-engine": "qemu"] }
            let plain = try await cloud.insert("plain") { $0["labels"] = ["brume-engine": "docker"] }
            let usual = try await cloud.insert("usual")
            for (instance, isOwn) in [(own, true), (plain, false), (usual, prefers)] {
                let process = await cloud.engine.process(of: ComputeCloud.workload(instance))
                #expect(process?.mounts.contains { $0.path == "/.brume-vm" } == isOwn)
            }
        }
    }

    @Test func `an engine that is none is refused`() async throws {
        try await ComputeCloud.run { cloud in
            let body = #"{"name": "no", "labels": {"brume-engine": "xen"}}"#
            let refused = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(refused.status == 400)
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/no").status == 404)
        }
    }
}
