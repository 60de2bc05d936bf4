import Foundation
import GoogleAPI
import HostPrograms
import Logging
import NIOHTTP1
import Synchronization
import Workloads

/// Ends builds and jobs that fill the disk of the engine's machine, before they harm what others have there.
///
/// A file system tells nobody that it runs full, so it is asked once a second. While less is free than is to stay free, the
/// workload that holds the most is ended, with ``Exit/Reason/outOfDisk``. Machines are left alone: their disks are
/// their owner's.
struct DiskGuard {
    let engine: DockerEngine
    /// Bytes that are to stay free.
    let reserve: Int64

    /// What is given up takes a while to go; it is waited for as long as the disk does not go on filling.
    private static let patience: TimeInterval = 10
    /// Logs and metadata grow a little all the time, in bytes.
    private static let noise: Int64 = 32 << 20

    func watch() async {
        var last: (free: Int64, date: Date)?
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            guard let folder = engine.knownDataFolder, let free = Self.freeBytes(of: folder), free < reserve else {
                last = nil
                continue
            }
            if let last, free > last.free - Self.noise, Date().timeIntervalSince(last.date) < Self.patience { continue }
            do {
                guard try await endLargest(free: free) else { continue }
                // What was written until the end came is not held against the others.
                last = (Self.freeBytes(of: folder) ?? free, Date())
            } catch {
                engine.logger.warning("The disk is nearly full, and what fills it cannot be ended: \(error)")
            }
        }
    }

    private static func freeBytes(of folder: String) -> Int64? {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
        return (attributes?[.systemFreeSize] as? NSNumber)?.int64Value
    }

    /// - Returns: Whether there was anything to end.
    private func endLargest(free: Int64) async throws -> Bool {
        guard let (name, bytes) = try await usage().max(by: { $0.value < $1.value }) else { return false }
        func text(_ bytes: Int64) -> String { "\(bytes >> 20) MiB" }
        let message =
            "the disk is nearly full: \(text(free)) are free, \(text(reserve)) are to stay free. This held the most of "
            + "what may be ended, \(text(bytes)). Make room, or give 'brume up --keep-free'"
        engine.logger.warning("A workload was ended: \(message)", metadata: ["workload": "\(name)"])
        try await engine.kill(name, outOfDisk: message)
        return true
    }

    /// Bytes on the disk by workload, of those that run and may be ended: layers and volumes of their containers, and
    /// of the containers that their steps have started.
    private func usage() async throws -> [WorkloadName: Int64] {
        let docker = try await engine.host.client()
        let query = ["size": "1", "filters": (["status": ["running"]] as JSON).text]
        var bytes: [WorkloadName: Int64] = [:]
        var volumes: [WorkloadName: Set<String>] = [:]
        for container in try await docker.call(.GET, "/containers/json", query: query).array ?? [] {
            guard let owner = engine.owner(ofContainer: container["Labels"]?.strings ?? [:]) else { continue }
            bytes[owner, default: 0] += container["SizeRw"]?.integer ?? 0
            for mount in container["Mounts"]?.array ?? [] where mount["Type"]?.string == "volume" {
                if let folder = mount["Source"]?.string { volumes[owner, default: []].insert(folder) }
            }
        }
        for (owner, folders) in volumes { bytes[owner, default: 0] += await Self.bytes(in: folders) }
        return bytes
    }

    private static func bytes(in folders: Set<String>) async -> Int64 {
        // Files that go meanwhile are no error.
        let report = try? await HostProgram.run("du", ["--summarize", "--block-size=1", "--"] + folders.sorted())
        let sizes = (report?.output ?? "").split(separator: "\n").compactMap { line in
            line.split(separator: "\t").first.flatMap { Int64($0) }
        }
        return sizes.reduce(0, +)
    }
}

extension DockerEngine {
    /// Where the engine keeps its data, once it was used and if that is on this machine.
    var knownDataFolder: String? { remembered.withLock { $0.facts?.dataFolder } }

    /// The build or job for which a container runs; nil: a machine, or none of this cloud's.
    func owner(ofContainer labels: [String: String]) -> WorkloadName? {
        if let starter = labels[StepRules.label], !starter.isEmpty {
            let name = WorkloadName(starter)
            return remembered.withLock { $0.steps[name] != nil } ? name : nil
        }
        guard labels["brume.cloud"] == cloud, labels["brume.shape"] != "machine" else { return nil }
        return labels["brume.name"].map { WorkloadName($0) }
    }

    /// Kills all parts of a workload, and remembers why.
    func kill(_ name: WorkloadName, outOfDisk message: String) async throws {
        remembered.withLock { $0.endedForDisk[name] = message }
        for container in try await containers(of: name) where container.part.state == .running {
            try await kill(container: container.id)
        }
    }

    func kill(container: String) async throws {
        do {
            try await host.client().call(.POST, "/containers/\(container)/kill")
        } catch is DockerClient.Failure {
            return  // It has ended already.
        }
    }
}
