import NIOCore

/// Turns what is written piece by piece into a stream that is read piece by piece; the writer waits for the reader.
///
/// When the stream is given up, the writer's task is cancelled.
final class GitStream: Sendable {
    typealias Write = @Sendable (ByteBuffer) async throws -> Void

    private let relay: Relay
    private let task: Task<Void, Never>

    private init(_ produce: @escaping @Sendable (@escaping Write) async throws -> Void) {
        let relay = Relay()
        self.relay = relay
        task = Task {
            do {
                try await produce { try await relay.put($0) }
                await relay.end(nil)
            } catch {
                await relay.end(error)
            }
        }
    }

    deinit { task.cancel() }

    /// - Parameter produce: Writes all that there is to read; an error ends the stream.
    static func make(
        _ produce: @escaping @Sendable (@escaping Write) async throws -> Void
    ) -> AsyncThrowingStream<ByteBuffer, any Error> {
        let stream = GitStream(produce)
        return AsyncThrowingStream { try await stream.relay.take() }
    }

    /// Holds one piece between writer and reader.
    private actor Relay {
        private var piece: ByteBuffer?
        private var outcome: Result<Void, any Error>?
        private var reader: CheckedContinuation<Void, Never>?
        private var writer: CheckedContinuation<Void, Never>?

        func put(_ bytes: ByteBuffer) async throws {
            while piece != nil, !Task.isCancelled {
                await withTaskCancellationHandler {
                    await withCheckedContinuation { continuation in
                        if Task.isCancelled { continuation.resume() } else { writer = continuation }
                    }
                } onCancel: {
                    Task { await self.wakeWriter() }
                }
            }
            try Task.checkCancellation()
            piece = bytes
            wakeReader()
        }

        func end(_ error: (any Error)?) {
            outcome = error.map { .failure($0) } ?? .success(())
            wakeReader()
        }

        func take() async throws -> ByteBuffer? {
            while piece == nil {
                if let outcome { return try outcome.map { nil }.get() }
                await withCheckedContinuation { reader = $0 }
            }
            defer {
                piece = nil
                wakeWriter()
            }
            return piece
        }

        private func wakeReader() {
            reader?.resume()
            reader = nil
        }

        private func wakeWriter() {
            writer?.resume()
            writer = nil
        }
    }
}
