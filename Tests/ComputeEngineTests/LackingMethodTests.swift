import BrumeTesting
import Testing

@Suite("methods that Brume lacks")
struct LackingMethodTests {
    @Test(arguments: [
        ("global/machineImages", "machineImages.list"), ("global/machineImages/m", "machineImages.get"),
        ("regions/europe-west1/routers", "routers.list"), ("regions/europe-west1/routers/r", "routers.get"),
        ("aggregated/forwardingRules", "forwardingRules.aggregatedList"),
        ("global/forwardingRules", "globalForwardingRules.list"),
        ("zones/europe-west1-b/autoscalers/a", "autoscalers.get"),
        ("zones/europe-west1-b/instances/vm/referrers", "instances.listReferrers"),
    ])
    func `what clients look for is named`(path: String, method: String) async throws {
        try await ComputeCloud.run { cloud in
            let reply = try await cloud.api.get("\(ComputeCloud.project)/\(path)")
            #expect(reply.status == 501 && reply.text.contains("'compute.\(method)'"), "\(reply.text)")
        }
    }

    @Test(arguments: [
        ("moveDisk", "projects.moveDisk"), ("moveInstance", "projects.moveInstance"),
        ("zones/europe-west1-b/disks/d/startAsyncReplication", "disks.startAsyncReplication"),
        ("zones/europe-west1-b/disks/bulkInsert", "disks.bulkInsert"),
        ("zones/europe-west1-b/instanceGroupManagers/g/setAutoHealingPolicies", "instanceGroupManagers.setAutoHealing"),
        ("regions/europe-west1/disks", "regionDisks.insert"), ("global/healthChecks", "healthChecks.insert"),
    ])
    func `what clients change is named`(path: String, method: String) async throws {
        try await ComputeCloud.run { cloud in
            let reply = try await cloud.api.post("\(ComputeCloud.project)/\(path)")
            #expect(reply.status == 501 && reply.text.contains("'compute.\(method)"), "\(reply.text)")
        }
    }
}
