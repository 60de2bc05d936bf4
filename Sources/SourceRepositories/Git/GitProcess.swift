import Foundation
import NIOCore
import NIOPosix

/// One run of git: bytes go in and come out as streams, in an environment that is Brume's alone.
struct GitProcess: Sendable {
    typealias Output = NIOAsyncChannelInboundStream<ByteBuffer>
    typealias Input = NIOAsyncChannelOutboundWriter<ByteBuffer>

    var program: String
    var arguments: [String]
    var environment: [String: String]
    var folder: String
    /// Where errors are written; nil: nowhere.
    var errors: FileHandle?

    /// Runs git to its end; cancellation ends it early.
    ///
    /// - Returns: What `body` returned, and git's exit code.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable (Output, Input) async throws -> Result
    ) async throws -> (result: Result, status: Int32) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = URL(filePath: folder)
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errors ?? FileHandle.nullDevice
        let (ends, end) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            end.yield(process.terminationStatus)
            end.finish()
        }
        try process.run()
        let running = RunningProcess(process)
        let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
        do {
            channel = try await Self.channel(reading: output, writing: input)
        } catch {
            running.end()
            throw error
        }
        return try await withTaskCancellationHandler {
            do {
                let result = try await channel.executeThenClose(body)
                var status: Int32 = -1
                for await code in ends { status = code }
                try Task.checkCancellation()
                return (result, status)
            } catch {
                running.end()
                throw error
            }
        } onCancel: {
            running.end()
        }
    }

    /// Takes the parent's ends of both pipes.
    private static func channel(
        reading output: Pipe,
        writing input: Pipe
    ) async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
        let from = fcntl(output.fileHandleForReading.fileDescriptor, F_DUPFD_CLOEXEC, 3)
        let to = fcntl(input.fileHandleForWriting.fileDescriptor, F_DUPFD_CLOEXEC, 3)
        for handle in [
            output.fileHandleForReading, output.fileHandleForWriting, input.fileHandleForReading,
            input.fileHandleForWriting,
        ] { try? handle.close() }
        do {
            return try await NIOPipeBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .takingOwnershipOfDescriptors(input: from, output: to) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel(
                            wrappingChannelSynchronously: channel,
                            configuration: .init(isOutboundHalfClosureEnabled: true)
                        )
                    }
                }
        } catch {
            close(from)
            close(to)
            throw error
        }
    }
}

/// A process that may be ended from any task.
private final class RunningProcess: @unchecked Sendable {
    // `terminate()` and `isRunning` may be called from any thread; nothing else is used.
    private let process: Process

    init(_ process: Process) { self.process = process }

    func end() {
        if process.isRunning { process.terminate() }
    }
}
