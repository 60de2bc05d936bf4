import Foundation
import GoogleAPI
import NIOHTTP1
import Synchronization
package import Workloads

/// A container, as the engine describes it.
struct Container: Sendable {
    var id: String
    var workload: WorkloadName
    var labels: [String: String]
    var hasTerminal: Bool
    var part: WorkloadStatus.Part
    var hasStarted: Bool
    var isPaused: Bool
    /// The first process, as the engine's machine numbers it; nil while there is none.
    var process: Int32?

    var index: Int { Int(labels["brume.index"] ?? "") ?? 0 }
    var shape: String { labels["brume.shape"] ?? "" }
    var virtualMachine: VirtualMachine? { labels[VirtualMachine.label].flatMap { VirtualMachine(text: $0) } }

    init(_ found: JSON, timeout: Duration? = nil, endedForDisk: String? = nil) {
        let state = found["State"] ?? .null
        labels = found["Config"]?["Labels"]?.strings ?? [:]
        id = found["Id"]?.string ?? ""
        workload = WorkloadName(container: found["Name"]?.string ?? "")
        hasTerminal = found["Config"]?["Tty"]?.bool ?? false
        let started = Self.date(state["StartedAt"])
        let ended = Self.date(state["FinishedAt"])
        hasStarted = started != nil
        isPaused = state["Paused"]?.bool ?? false
        process = state["Pid"]?.integer.flatMap { $0 > 0 ? Int32(clamping: $0) : nil }
        let code = Int32(clamping: state["ExitCode"]?.integer ?? 0)
        let message = state["Error"]?.string ?? ""
        let now: WorkloadStatus.State
        switch state["Status"]?.string {
        case "running", "paused", "restarting": now = .running
        case "created" where message.isEmpty: now = .waiting
        case "created": now = .ended(Exit(code: code, reason: .failedToStart, message: message))
        case "exited", "dead":
            var exit = Exit(code: code)
            if let endedForDisk, code == 137 {
                exit.reason = .outOfDisk
                exit.message = endedForDisk
            } else if !message.isEmpty {
                exit.reason = .failedToStart
                exit.message = message
            } else if state["OOMKilled"]?.bool == true {
                exit.reason = .outOfMemory
            } else if let timeout, let started, let ended, ended.timeIntervalSince(started) >= timeout.inSeconds {
                exit.reason = .timedOut
            } else if labels["brume.init"] != nil, code == 129 || code == 130 {
                exit.reason = code == 129 ? .rebooted : .poweredOff
            }
            now = .ended(exit)
        default: now = .unknown("The engine says '\(state["Status"]?.string ?? "nothing")'.")
        }
        part = WorkloadStatus.Part(name: labels["brume.part"] ?? "", state: now)
        part.startTime = started
        part.endTime = now == .running ? nil : ended
        let addresses = found["NetworkSettings"]?["Networks"]?.object?.values.compactMap { $0["IPAddress"]?.string }
        part.address = addresses?.first { !$0.isEmpty }
    }

    /// The engine writes nanoseconds, and the year 1 for never.
    private static func date(_ text: JSON?) -> Date? {
        guard let text = text?.string, !text.hasPrefix("0001") else { return nil }
        guard let dot = text.firstIndex(of: ".") else { return Timestamp.date(text) }
        let digits = text[dot...].dropFirst().prefix { $0.isNumber }
        let whole = Timestamp.date(text[..<dot] + "Z")
        return whole?.addingTimeInterval(Double("0.\(digits)") ?? 0)
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

extension DockerEngine {
    package func status(of name: WorkloadName) async throws -> WorkloadStatus? {
        let found = try await containers(of: name)
        guard let first = found.first else { return nil }
        guard first.shape == "steps" else {
            return WorkloadStatus(name: name, labels: brumeLabels(first.labels), parts: found.map(\.part))
        }
        guard let record = try await stepsRecord(of: name) else { return nil }
        return await stepsStatus(record, name, found)
    }

    package func recover(labels: [String: String]) async throws -> [WorkloadStatus] {
        let query = ["all": "1", "filters": filters(labels: labels).text]
        let list = try await host.client().call(.GET, "/containers/json", query: query)
        var found: [WorkloadStatus] = []
        for name in Set((list.array ?? []).compactMap(\.workload)).sorted(by: { $0.text < $1.text }) {
            guard let status = try await status(of: name) else {
                // A daemon was killed while it made the first of its containers.
                found.append(WorkloadStatus(name: name, labels: labels, parts: []))
                continue
            }
            found.append(status)
            let hasBegun = status.parts.contains { $0.state != .waiting }
            if hasBegun, !status.hasEnded, try await stepsRecord(of: status.name) != nil { await drive(status.name) }
        }
        return found
    }

    package func events() async throws -> AsyncThrowingStream<WorkloadStatus, any Error> {
        let events = try await hub.subscribe()
        return pulledStream { [self] handover in
            for try await event in events {
                let status = try await status(of: event.name)
                let gone = WorkloadStatus(name: event.name, labels: event.labels, parts: [])
                guard await handover.send(status ?? gone) else { return }
            }
        }
    }

    package func waitUntilEnded(_ name: WorkloadName) async throws -> WorkloadStatus? {
        let events = try await hub.subscribe()
        guard let status = try await status(of: name) else { return nil }
        if status.hasEnded { return status }
        for try await event in events where event.name == name {
            guard let status = try await self.status(of: name) else { return nil }
            if status.hasEnded { return status }
        }
        try Task.checkCancellation()
        throw EngineError.unreachable
    }

    func containers(of name: WorkloadName) async throws -> [Container] {
        let docker = try await host.client()
        let query = ["all": "1", "filters": filters(for: name).text]
        let list = try await docker.call(.GET, "/containers/json", query: query)
        let (record, endedForDisk) = remembered.withLock { ($0.steps[name], $0.endedForDisk[name]) }
        var found: [Container] = []
        for entry in list.array ?? [] {
            if entry["Names"]?.stringArray.contains(where: { $0.hasSuffix(".new") }) ?? true { continue }
            guard let id = entry["Id"]?.string, let shown = try await docker.find("/containers/\(id)/json") else {
                continue
            }
            let part = entry["Labels"]?["brume.part"]?.string
            let timeout = record?.steps.first { $0.name == part }?.timeout
            found.append(Container(shown, timeout: timeout, endedForDisk: endedForDisk))
        }
        return found.sorted { $0.index < $1.index }
    }

    func container(_ name: WorkloadName, _ part: String) async throws -> Container {
        guard let found = try await containers(of: name).first(where: { $0.part.name == part }) else {
            throw EngineError.notFound("There is no workload '\(name)' with a part '\(part)'.")
        }
        return found
    }
}
