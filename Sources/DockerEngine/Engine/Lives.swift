import Foundation
import GoogleAPI
import NIOHTTP1
import Synchronization
package import Workloads

// The life of machines and groups of replicas; steps have a file of their own.
extension DockerEngine {
    package func create(_ spec: WorkloadSpec) async throws {
        if !spec.accelerators.isEmpty { try spec.checkAccelerators(try await capabilities()) }
        switch spec.shape {
        case .machine(let machine):
            let place = Place(
                workload: spec.name,
                part: "machine",
                shape: "machine",
                labels: spec.labels,
                bootsInit: machine.bootsInit,
                wrapper: machine.wrapper,
                virtualMachine: try machine.monitor.map { try VirtualMachine($0, process: machine.process) }
            )
            try await createContainer(machine.process, at: place)
        case .steps(let steps): try await createSteps(steps, of: spec)
        case .replicas(let group):
            do {
                for (index, replica) in group.replicas.enumerated() {
                    let place = Place(
                        workload: spec.name,
                        part: replica.name,
                        shape: "replicas",
                        labels: spec.labels,
                        index: index
                    )
                    try await createContainer(replica.process, at: place)
                }
            } catch {
                try? await remove(spec.name)
                throw error
            }
        }
    }

    package func start(_ name: WorkloadName) async throws {
        let found = try await containers(of: name)
        guard let first = found.first else { throw EngineError.notFound("There is no workload '\(name)'.") }
        if first.shape == "steps" { return await drive(name) }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for container in found where container.part.state != .running {
                    group.addTask {
                        let devices = try await self.claim(of: container)
                        defer { self.giveBack(devices) }
                        try await self.startContainer(container.id)
                    }
                }
                try await group.waitForAll()
            }
        } catch {
            if found.count > 1 { try? await stop(name, grace: .zero) }
            await hub.publish(name)
            throw error
        }
    }

    func startContainer(_ id: String) async throws {
        do {
            try await host.client().call(.POST, "/containers/\(id)/start")
        } catch let failure as DockerClient.Failure {
            if failure.message.contains("Address already in use") { throw EngineError.insufficient(failure.message) }
            throw EngineError.refused(failure.message)
        }
    }

    package func stop(_ name: WorkloadName, grace: Duration) async throws {
        await drivers.halt(name)
        let docker = try await host.client()
        let seconds = String(max(0, Int(grace.components.seconds)))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for container in try await containers(of: name) where container.part.state == .running {
                group.addTask {
                    do {
                        try await docker.call(.POST, "/containers/\(container.id)/stop", query: ["t": seconds])
                    } catch let failure as DockerClient.Failure where failure.status == 404 {
                        return
                    } catch let failure as DockerClient.Failure {
                        throw EngineError.refused(failure.message)
                    }
                }
            }
            try await group.waitForAll()
        }
        await hub.publish(name)
    }

    package func rename(_ name: WorkloadName, to other: WorkloadName) async throws {
        let container = try await machine(name)
        do {
            try await host.client().call(.POST, "/containers/\(container.id)/rename", query: ["name": other.text])
        } catch let failure as DockerClient.Failure where failure.status == 404 {
            throw EngineError.notFound("There is no machine '\(name)'.")
        } catch let failure as DockerClient.Failure {
            throw EngineError.refused(failure.message)
        }
        await hub.publish(other)
    }

    package func resize(_ name: WorkloadName, to resources: Resources) async throws {
        let facts = try await facts()
        for container in try await containers(of: name) {
            do {
                let virtualMachine = container.virtualMachine
                if let virtualMachine {
                    try await put([virtualMachine.sizeFile(resources, cpus: facts.cpus)], into: container.id)
                }
                var body = limits(virtualMachine?.limits(resources) ?? resources, cpus: facts.cpus)
                if resources.processorTime != .leftOver, container.labels[Self.yieldingLabel] != nil {
                    body["CpuShares"] = 1024
                }
                try await host.client().call(.POST, "/containers/\(container.id)/update", .json(body))
            } catch let failure as DockerClient.Failure {
                throw EngineError.refused(failure.message)
            }
        }
    }

    package func remove(_ name: WorkloadName) async throws {
        await drivers.forget(name)
        let docker = try await host.client()
        let query = ["all": "1", "filters": filters(for: name).text]
        let list = try await docker.call(.GET, "/containers/json", query: query)
        for id in (list.array ?? []).compactMap({ $0["Id"]?.string }) { try await removeContainer(id) }
        try await removeContainer("\(name).source")
        try await removeStarted(by: name)
        try await removeVolume(Self.workspace(of: name))
        remembered.withLock {
            $0.steps[name] = nil
            $0.endedForDisk[name] = nil
        }
        await hub.publish(name)
    }
}
