import APIServer
import Foundation
import GoogleAPI
import Workloads

/// What a job's containers are made of.
struct JobWorkload {
    let job: CustomJob
    let project: ProjectIdentity

    static let kind = "custom-job"

    var name: WorkloadName { WorkloadName("job-\(job.id)") }

    var labels: [String: String] { ["kind": Self.kind, "project": job.project, "id": job.id] }

    /// The process of a replica, without its surroundings.
    func process(_ replica: Replica, image: ImageReference) throws -> ProcessSpec {
        let environment = ReplicaEnvironment(job: job, project: project)
        var process = ProcessSpec(image: image, environment: try environment.variables(replica))
        process.hostname = environment.hostname(replica)
        if let machine = job.machine(replica.pool) { process.resources = machine.resources }
        let machine = job.pools[replica.pool]["machineSpec"]
        if let count = machine?["acceleratorCount"]?.integer, count > 0 {
            process.accelerators = Accelerators(kind: Accelerators.nvidia, count: Int(count))
        }
        if let package = job.pools[replica.pool]["pythonPackageSpec"] {
            let uris = String(decoding: try (package["packageUris"] ?? []).data(), as: UTF8.self)
            process.files = [FileSpec(path: PackageRunner.path, content: Array(PackageRunner.script.utf8), mode: 0o755)]
            process.entrypoint = ["python3", PackageRunner.path]
            process.arguments = [package["pythonModule"]?.string ?? "", uris] + strings(package["args"])
        } else if let container = job.pools[replica.pool]["containerSpec"] {
            let command = strings(container["command"])
            let arguments = strings(container["args"])
            if !command.isEmpty {
                process.entrypoint = command
                process.arguments = arguments
            } else if !arguments.isEmpty {
                process.arguments = arguments
            }
        }
        return process
    }

    /// What the log of a job says whose accelerators are simulated; nil when it asks for none.
    var simulationNotice: String? {
        let asked = job.pools.compactMap { pool -> String? in
            let machine = pool["machineSpec"]
            guard let count = machine?["acceleratorCount"]?.integer, count > 0 else { return nil }
            return "\(count) x \(machine?["acceleratorType"]?.string ?? "")"
        }
        guard !asked.isEmpty else { return nil }
        return
            "SIMULATED accelerators: \(asked.joined(separator: ", ")). The job has no such device; it runs on processors."
    }

    func owner(_ replica: Replica) -> String { "\(name)-\(replica.name)" }

    private func strings(_ list: JSON?) -> [String] { list?.array?.compactMap(\.string) ?? [] }
}
