import Foundation
import GoogleAPI
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Asks the running service to listen at an address, and waits until it does.
final class ListenerRequests: Sendable {
    struct Place: Hashable, Sendable {
        var network: String
        var address: String
    }

    struct Request: Sendable {
        var place: Place
        var onListening: @Sendable () -> Void
    }

    private struct State {
        var sink: AsyncStream<Request>.Continuation?
        var known: Set<Place> = []
    }

    private let state = Mutex(State())

    /// The requests from now on; one reader at a time.
    func open() -> AsyncStream<Request> {
        let (requests, sink) = AsyncStream.makeStream(of: Request.self)
        state.withLock { $0 = State(sink: sink) }
        return requests
    }

    var isOpen: Bool { state.withLock { $0.sink != nil } }

    func close() {
        state.withLock { state in
            state.sink?.finish()
            state = State()
        }
    }

    /// Returns when the daemon listens at the place, or cannot. Nothing happens while the service does not run.
    func listen(_ place: Place) async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let once = Once { done.resume() }
            let result = state.withLock { state in
                guard state.known.insert(place).inserted else {
                    return nil as AsyncStream<Request>.Continuation.YieldResult?
                }
                return state.sink?.yield(Request(place: place, onListening: { once() }))
            }
            guard case .enqueued = result else { return once() }
        }
    }

    /// Lets a place be listened at again.
    func forget(_ place: Place) { _ = state.withLock { $0.known.remove(place) } }
}

/// Does something the first time only.
private final class Once: Sendable {
    private let action: Mutex<(@Sendable () -> Void)?>

    init(_ action: @escaping @Sendable () -> Void) { self.action = Mutex(action) }

    func callAsFunction() {
        let action = action.withLock { action in
            defer { action = nil }
            return action
        }
        action?()
    }
}

extension Guests: Service {
    /// Whether the service runs, so that networks made now are listened in at once.
    package var isServing: Bool { listeners.isOpen }

    /// Listens in every network: behind the doors of those that have guests from before a restart, and of each new one.
    package func run() async throws {
        let requests = listeners.open()
        defer { listeners.close() }
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                group.addTask { await self.reopenNetworks() }
                for await request in requests {
                    group.addTask { await self.serve(request) }
                }
            }
        }
    }

    /// The networks that have guests still stand in the engine; the doors and the listeners are made again.
    private func reopenNetworks() async {
        do {
            let used = try await store.networksInUse()
            for network in try await store.networks() {
                networks.set(network)
                guard used.contains(network.name) else { continue }
                let labels = try JSONCoding.decoder.decode([String: String].self, from: network.labels)
                _ = try await ensureNetwork(network.name, subnet: network.requestedSubnet, labels: labels)
            }
        } catch is CancellationError {
        } catch {
            logger.warning("networks of guests cannot be opened again: \(error)")
        }
    }

    private func serve(_ request: ListenerRequests.Request) async {
        let place = request.place
        let pending = Countdown(3, then: request.onListening)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.attempt("metadata server", at: place, pending) { try await self.serveMetadata(place, $0) }
            }
            group.addTask {
                await self.attempt("name server", at: place, pending) { try await self.serveNames(place, $0) }
            }
            group.addTask {
                await self.attempt("gateway", at: place, pending) {
                    try await self.gateway(place.address, self.ports.gateway, $0)
                }
            }
        }
        request.onListening()
        listeners.forget(place)
    }

    private func attempt(
        _ part: String,
        at place: ListenerRequests.Place,
        _ pending: Countdown,
        _ run: @escaping @Sendable (_ onListening: @escaping @Sendable () -> Void) async throws -> Void
    ) async {
        // A part that listens and ends at once counts once.
        let settled = Once { pending.next() }
        do {
            try await run { settled() }
        } catch is CancellationError {
        } catch {
            logger.warning(
                "the \(part) cannot listen for guests: \(error)",
                metadata: ["network": "\(place.network)", "address": "\(place.address)"]
            )
        }
        settled()
    }

    private func serveMetadata(
        _ place: ListenerRequests.Place,
        _ onListening: @escaping @Sendable () -> Void
    ) async throws {
        let application = Application(
            responder: MetadataServer(guests: self, network: place.network),
            configuration: .init(
                address: .hostname(place.address, port: ports.metadata),
                serverName: "Metadata Server for VM"
            ),
            onServerRunning: { _ in onListening() },
            logger: logger.quietened
        )
        try await application.run()
    }
}

/// Calls back when the last of several things has happened, or been given up.
private final class Countdown: Sendable {
    private let left: Mutex<Int>
    private let done: @Sendable () -> Void

    init(_ count: Int, then done: @escaping @Sendable () -> Void) {
        left = Mutex(count)
        self.done = done
    }

    func next() {
        let isDone = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isDone { done() }
    }
}
