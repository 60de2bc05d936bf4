import Synchronization

/// Hands elements from one task to another, one at a time: who produces waits until the reader has asked.
final class Handover<Element: Sendable>: Sendable {
    private enum State {
        case idle
        case full(Element, CheckedContinuation<Bool, Never>)
        case hungry(CheckedContinuation<Element?, any Error>)
        case over((any Error)?)
        case abandoned
    }
    private let state = Mutex(State.idle)

    /// Waits until the reader took the element; false when nobody reads any more.
    func send(_ element: Element) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { producer in
                state.withLock { state in
                    switch state {
                    case .hungry(let reader):
                        state = .idle
                        reader.resume(returning: element)
                        producer.resume(returning: true)
                    case .idle where !Task.isCancelled: state = .full(element, producer)
                    case .idle, .full, .over, .abandoned: producer.resume(returning: false)
                    }
                }
            }
        } onCancel: {
            abandon()
        }
    }

    func finish(throwing error: (any Error)? = nil) {
        state.withLock { state in
            switch state {
            case .hungry(let reader):
                state = .over(nil)
                if let error { reader.resume(throwing: error) } else { reader.resume(returning: nil) }
            case .idle: state = .over(error)
            case .full, .over, .abandoned: break
            }
        }
    }

    func next() async throws -> Element? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { reader in
                state.withLock { state in
                    switch state {
                    case .full(let element, let producer):
                        state = .idle
                        producer.resume(returning: true)
                        reader.resume(returning: element)
                    case .over(let error):
                        state = .over(nil)
                        if let error { reader.resume(throwing: error) } else { reader.resume(returning: nil) }
                    case .idle where !Task.isCancelled: state = .hungry(reader)
                    case .idle, .hungry, .abandoned: reader.resume(returning: nil)
                    }
                }
            }
        } onCancel: {
            abandon()
        }
    }

    func abandon() {
        state.withLock { state in
            switch state {
            case .full(_, let producer): producer.resume(returning: false)
            case .hungry(let reader): reader.resume(returning: nil)
            case .idle: break
            case .over, .abandoned: return
            }
            state = .abandoned
        }
    }
}

/// A stream whose producer runs no further ahead than its reader, and ends when nobody reads any more.
func pulledStream<Element: Sendable>(
    _ produce: @escaping @Sendable (Handover<Element>) async throws -> Void
) -> AsyncThrowingStream<Element, any Error> {
    let source = PulledSource(produce)
    return AsyncThrowingStream { try await source.handover.next() }
}

private final class PulledSource<Element: Sendable>: Sendable {
    let handover = Handover<Element>()
    private let task: Task<Void, Never>

    init(_ produce: @escaping @Sendable (Handover<Element>) async throws -> Void) {
        task = Task { [handover] in
            do {
                try await produce(handover)
                handover.finish()
            } catch {
                handover.finish(throwing: error)
            }
        }
    }

    deinit {
        handover.abandon()
        task.cancel()
    }
}
