import Foundation
import GoogleAPI
import NIOCore
import NIOHTTP1
import Workloads

/// One connection to the engine's events, shared by all who wait for something.
actor EventHub {
    struct Event: Sendable {
        var name: WorkloadName
        var labels: [String: String]
    }
    typealias Stream = AsyncThrowingStream<Event, any Error>

    private let host: any EngineHost
    private let cloud: String
    private var listeners: [Int: Stream.Continuation] = [:]
    private var next = 0
    private var reader: Task<Void, Never>?
    private var isConnected = false
    private var arrivals: [CheckedContinuation<Void, Never>] = []

    init(host: any EngineHost, cloud: String) {
        self.host = host
        self.cloud = cloud
    }

    /// Events from now on: what happens after this call returned is told.
    func subscribe() async throws -> Stream {
        let docker = try await host.client()
        let (stream, listener) = Stream.makeStream()
        let key = next
        next += 1
        listeners[key] = listener
        listener.onTermination = { [weak self] _ in Task { [weak self] in await self?.forget(key) } }
        if reader == nil {
            reader = Task { [cloud] in
                let filters: JSON = ["type": ["container"], "label": [.string("brume.cloud=\(cloud)")]]
                try? await docker.stream(.GET, "/events", query: ["filters": filters.text]) { chunks in
                    await self.connected()
                    try await chunks.forEachLine { line in
                        if let event = Event(line) { await self.publish(event) }
                    }
                }
                self.disconnected()
            }
        }
        if !isConnected { await withCheckedContinuation { arrivals.append($0) } }
        return stream
    }

    func publish(_ name: WorkloadName) { publish(Event(name: name, labels: [:])) }

    func close() {
        reader?.cancel()
        disconnected()
    }

    private func publish(_ event: Event) { for listener in listeners.values { listener.yield(event) } }
    private func forget(_ key: Int) { listeners[key] = nil }

    private func connected() {
        isConnected = true
        release()
    }

    private func disconnected() {
        reader = nil
        isConnected = false
        for listener in listeners.values { listener.finish(throwing: EngineError.unreachable) }
        listeners = [:]
        release()
    }

    private func release() {
        for arrival in arrivals { arrival.resume() }
        arrivals = []
    }
}

extension EventHub.Event {
    private static let told: Set<String> = ["create", "start", "die", "destroy", "pause", "unpause", "rename"]

    init?(_ event: JSON) {
        guard let action = event["Action"]?.string, Self.told.contains(action),
            let attributes = event["Actor"]?["Attributes"]?.strings, let name = attributes["name"]
        else { return nil }
        self.init(name: WorkloadName(container: name), labels: brumeLabels(attributes))
    }
}

/// A workload's own labels among a container's.
func brumeLabels(_ labels: [String: String]) -> [String: String] {
    var own: [String: String] = [:]
    for (key, value) in labels where key.hasPrefix("brume.label.") { own[String(key.dropFirst(12))] = value }
    return own
}
