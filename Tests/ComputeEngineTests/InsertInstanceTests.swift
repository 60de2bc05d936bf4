import BrumeTesting
import GoogleAPI
import ImageCatalogue
import SimulatedEngine
import Testing
import Workloads

@Suite("compute.instances.insert", .timeLimit(.minutes(1)))
struct InsertInstanceTests {
    @Test func `a machine is up when the operation is done, at an address of its region`() async throws {
        try await ComputeCloud.run { cloud in
            let instance = try await cloud.insert("vm")
            #expect(instance["status"] == "RUNNING")
            let interface = instance["networkInterfaces"]?[0]
            #expect(interface?["networkIP"] == "10.132.0.2")
            #expect(interface?["accessConfigs"]?[0]?["natIP"] == "10.132.0.2")
            #expect(instance["serviceAccounts"]?[0]?["email"] == "123456789012-compute@developer.gserviceaccount.com")
            let workload = ComputeCloud.workload(instance)
            let domains = ["europe-west1-b.c.demo.internal", "c.demo.internal", "google.internal"]
            #expect(try await cloud.engine.status(of: workload)?.isRunning == true)
            let process = try #require(await cloud.engine.process(of: workload))
            #expect(process.image.text.hasPrefix("brume/debian-12:"))
            // The engine tells nobody a name that may change.
            #expect(process.hostname == "vm" && process.network?.aliases == [])
            #expect(process.files.contains(GuestTools.resolver(["169.254.169.254"], searching: domains)))
            #expect(process.resources == Resources(milliCPUs: 1000, memoryBytes: 4 << 30).with(.bursting))
            #expect(cloud.inside.arguments(of: "ssh-up.sh") != nil)
        }
    }

    @Test func `the operation says all that gcloud reads`() async throws {
        try await ComputeCloud.run { cloud in
            let reply = try await cloud.api.post(ComputeCloud.instances, json: ComputeCloud.body("vm"))
            let zone = "http://127.0.0.1:4600\(ComputeCloud.zone)"
            #expect(reply.json["operationType"] == "insert" && reply.json["zone"]?.string == zone)
            #expect(reply.json["targetLink"]?.string == "\(zone)/instances/vm")
            let done = try await cloud.done(reply)
            #expect(done["status"] == "DONE" && done["progress"] == 100 && done["name"] == reply.json["name"])
            #expect(done["selfLink"]?.string == "\(zone)/operations/\(done["name"]?.string ?? "")")
            let id = try await cloud.get("vm")["id"]
            #expect(done["targetId"] == id && id?.string?.count == 19)
            let listed = try await cloud.api.get(
                "\(ComputeCloud.project)/aggregated/operations?filter=status%20ne%20DONE"
            )
            #expect(listed.json["items"] == [:])
        }
    }

    @Test func `the project's number is as good as its ID`() async throws {
        try await ComputeCloud.run { cloud in
            try await cloud.insert("vm")
            let path = ComputeCloud.instances.replacing("/demo/", with: "/123456789012/")
            #expect(try await cloud.api.get("\(path)/vm").json["name"] == "vm")
        }
    }

    @Test func `without an address of its own for the outside there is none`() async throws {
        try await ComputeCloud.run { cloud in
            let instance = try await cloud.insert("vm") {
                $0["networkInterfaces"] = [["network": "global/networks/default"]]
            }
            #expect(instance["networkInterfaces"]?[0]?["accessConfigs"] == [])
            #expect(instance["networkInterfaces"]?[0]?["networkIP"] == "10.132.0.2")
        }
    }

    @Test func `a taken name answers 409 and changes nothing`() async throws {
        try await ComputeCloud.run { cloud in
            let first = try await cloud.insert("vm")
            let reply = try await cloud.api.post(ComputeCloud.instances, json: ComputeCloud.body("vm"))
            #expect(reply.status == 409 && reply.reason == "alreadyExists")
            #expect(try await cloud.get("vm")["id"] == first["id"])
        }
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        var field: String
        var value: JSON
        var status: Int
        var says: String
        var testDescription: String { "\(field) = \(value.text)" }
    }

    @Test(arguments: [
        Wrong(field: "name", value: "Bad_Name", status: 400, says: "Must be a match of regex '(?:[a-z]"),
        Wrong(field: "machineType", value: "zones/z/machineTypes/e2-gigantic", status: 400, says: "e2-gigantic"),
        Wrong(field: "disks", value: [], status: 400, says: "No disks"),
        Wrong(
            field: "disks",
            value: disk("projects/debian-cloud/global/images/family/none"),
            status: 404,
            says: "none"
        ),
        Wrong(
            field: "disks",
            value: disk("projects/debian-cloud/global/images/family/debian-12", 5),
            status: 400,
            says: "10 GB"
        ),
        Wrong(
            field: "disks",
            value: [["boot": true, "source": "zones/europe-west1-b/disks/none"]],
            status: 404,
            says: "zones/europe-west1-b/disks/none"
        ),
        Wrong(field: "networkInterfaces", value: [["network": "global/networks/mine"]], status: 400, says: "mine"),
        Wrong(
            field: "guestAccelerators",
            value: [["acceleratorType": "zones/z/acceleratorTypes/nvidia-tesla-v100", "acceleratorCount": 1]],
            status: 400,
            says: "[nvidia-tesla-v100, 1] features and [instance type: e2-medium] are not compatible"
        ),
        Wrong(
            field: "metadata",
            value: ["items": [["key": "gce-container-declaration", "value": "spec: {"]]],
            status: 400,
            says: "YAML"
        ),
    ])
    func `what cannot be is refused with Google's words, and nothing is made`(wrong: Wrong) async throws {
        try await ComputeCloud.run { cloud in
            let body = try ComputeCloud.body("vm") { $0[wrong.field] = wrong.value }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == wrong.status && (reply.message ?? "").contains(wrong.says), "\(reply.text)")
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/vm").status == 404)
            #expect(try await cloud.api.get("\(ComputeCloud.zone)/disks/vm").status == 404)
        }
    }

    private static func disk(_ image: String, _ size: Int64? = nil) -> JSON {
        var parameters: JSON = ["sourceImage": .string(image)]
        if let size { parameters["diskSizeGb"] = .integer(size) }
        return [["boot": true, "initializeParams": parameters]]
    }

    @Test func `an unknown zone answers 404`() async throws {
        try await ComputeCloud.run { cloud in
            let path = "\(ComputeCloud.project)/zones/atlantis-west1-b/instances"
            let reply = try await cloud.api.post(path, json: ComputeCloud.body("vm"))
            #expect(reply.status == 404 && (reply.message ?? "").contains("zones/atlantis-west1-b"))
        }
    }

    @Test func `a machine that cannot start fails the operation and leaves nothing behind`() async throws {
        try await ComputeCloud.run { cloud in
            for image in await cloud.engine.images.keys { await cloud.engine.failStart(of: image, "no such program") }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: ComputeCloud.body("vm"))
            let operation = try await cloud.done(reply)
            #expect(operation["error"]?["errors"]?[0]?["message"] == "no such program")
            #expect(operation["httpErrorStatusCode"] != nil)
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/vm").status == 404)
            #expect(try await cloud.api.get("\(ComputeCloud.zone)/disks/vm").status == 404)
            #expect(await cloud.engine.workloadNames.isEmpty)
        }
    }

    @Test func `a spot instance by its provisioning model is preemptible and not restarted`() async throws {
        try await ComputeCloud.run { cloud in
            let instance = try await cloud.insert("vm") { $0["scheduling"] = ["provisioningModel": "SPOT"] }
            let scheduling = instance["scheduling"]
            #expect(scheduling?["preemptible"] == true && scheduling?["automaticRestart"] == false)
        }
    }

    @Test func `the startup script is given to the machine`() async throws {
        try await ComputeCloud.run { cloud in
            let item: JSON = ["key": "startup-script", "value": "#!/bin/bash\necho hello"]
            try await cloud.insert("vm") { $0["metadata"] = ["items": [item]] }
            #expect(cloud.inside.inputs(of: "/startup-script;") == ["#!/bin/bash\necho hello"])
        }
    }

    @Test(arguments: ["startup-script", "startup-script-url"])
    func `a startup script of the project's, or named by its address, is run too`(_ name: String) async throws {
        try await ComputeCloud.run { cloud in
            let path = ComputeCloud.project + "/setCommonInstanceMetadata"
            let metadata = #"{"items": [{"key": "\#(name)", "value": "gs://a/b"}]}"#
            _ = try await cloud.done(cloud.api.post(path, json: metadata))
            try await cloud.insert("vm")
            #expect(cloud.inside.inputs(of: "/startup-script;").count == 1)
        }
    }

    @Test func `a declared container runs in a machine of its image`() async throws {
        try await ComputeCloud.run { cloud in
            await cloud.engine.offer("gcr.io/demo/tester:latest")
            let declaration = """
                # DISCLAIMER
                spec:
                  containers:
                  - args: ['--epochs=3']
                    command: [python, train.py]
                    env:
                    - {name: LEVEL, value: high}
                    image: gcr.io/demo/tester
                    name: vm
                  restartPolicy: Never
                """
            let item: JSON = ["key": "gce-container-declaration", "value": .string(declaration)]
            let instance = try await cloud.insert("vm") { $0["metadata"] = ["items": [item]] }
            let process = try #require(await cloud.engine.process(of: ComputeCloud.workload(instance)))
            #expect(process.image == "gcr.io/demo/tester:latest" && process.environment["LEVEL"] == "high")
            let arguments = cloud.inside.arguments(of: "brume-container")?.suffix(4)
            #expect(arguments == ["Never", "python", "train.py", "--epochs=3"])
        }
    }

    @Test func `an image that no registry has fails the operation with the engine's words`() async throws {
        try await ComputeCloud.run { cloud in
            let item: JSON = [
                "key": "gce-container-declaration", "value": "spec: {containers: [{image: gcr.io/demo/none}]}",
            ]
            let body = try ComputeCloud.body("vm") { $0["metadata"] = ["items": [item]] }
            let operation = try await cloud.done(cloud.api.post(ComputeCloud.instances, json: body))
            let message = operation["error"]?["errors"]?[0]?["message"]?.string ?? ""
            #expect(message.contains("gcr.io/demo/none"))
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/vm").status == 404)
        }
    }
}
