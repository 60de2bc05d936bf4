package import NIOCore
import Synchronization
package import Workloads

/// A command that runs inside a simulated workload, seen from both sides.
package final class SimulatedSession: ExecSession {
    package let command: ExecSpec
    /// What the command's workload was made of.
    package let process: ProcessSpec
    package let output: AsyncThrowingStream<LogChunk, any Error>
    /// What was sent to the command's standard input.
    package let input: AsyncStream<ByteBuffer>
    private let printer: AsyncThrowingStream<LogChunk, any Error>.Continuation
    private let sender: AsyncStream<ByteBuffer>.Continuation
    private let task: Mutex<Task<Int32, any Error>?> = Mutex(nil)

    init(_ command: ExecSpec, in process: ProcessSpec, run: @escaping SimulatedCommand) {
        self.command = command
        self.process = process
        (output, printer) = AsyncThrowingStream.makeStream()
        (input, sender) = AsyncStream.makeStream()
        let running = Task { [self] in
            defer { printer.finish() }
            return try await run(self)
        }
        task.withLock { $0 = running }
    }

    // MARK: The caller's side

    package func write(_ bytes: ByteBuffer) async throws { sender.yield(bytes) }
    package func finishInput() async throws { sender.finish() }
    package func resize(to size: ExecSpec.TerminalSize) async throws {}
    package func exitCode() async throws -> Int32 { try await task.withLock { $0 }?.value ?? 0 }

    // MARK: The command's side

    package func print(_ text: String, to stream: LogChunk.Stream = .output) {
        printer.yield(LogChunk(stream: stream, bytes: ByteBuffer(string: text + "\n")))
    }

    /// All of the command's standard input, read to its end.
    package func readInput() async -> String {
        var text = ""
        for await chunk in input { text += String(buffer: chunk) }
        return text
    }
}
