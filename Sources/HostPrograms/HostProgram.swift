package import Foundation
package import NIOCore
import NIOPosix

/// One run of a program of the daemon's machine: bytes go in and come out as streams.
package struct HostProgram: Sendable {
    package typealias Output = NIOAsyncChannelInboundStream<ByteBuffer>
    package typealias Input = NIOAsyncChannelOutboundWriter<ByteBuffer>

    /// Where what the program says of errors goes.
    package enum Errors: Sendable {
        case nowhere
        case file(FileHandle)
        case withOutput
    }

    package var path: String
    package var arguments: [String]
    /// Nil: the daemon's own.
    package var environment: [String: String]?
    /// Nil: the daemon's own.
    package var folder: String?
    package var errors: Errors

    package init(
        _ path: String,
        _ arguments: [String],
        environment: [String: String]? = nil,
        folder: String? = nil,
        errors: Errors = .nowhere
    ) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
        self.errors = errors
    }

    /// Runs the program to its end; cancellation ends it early.
    ///
    /// - Returns: What `body` returned, and the program's exit code.
    package func run<Result: Sendable>(
        _ body: @escaping @Sendable (Output, Input) async throws -> Result
    ) async throws -> (result: Result, status: Int32) {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        if let environment { process.environment = environment }
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        switch errors {
        case .nowhere: process.standardError = FileHandle.nullDevice
        case .file(let file): process.standardError = file
        case .withOutput: process.standardError = output
        }
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
