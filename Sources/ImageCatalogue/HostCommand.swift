import Foundation
import Workloads

/// A command of the daemon's machine that makes images: `mmdebstrap`, `patchelf`, a recipe's script.
struct HostCommand: Sendable {
    struct Failed: Error {
        var status: Int32
        /// The end of what the command printed.
        var output: String
    }

    var program: String
    var arguments: [String]
    var environment: [String: String]

    /// Runs the command to its end; what it prints, on either stream, is progress line by line.
    ///
    /// - Throws: ``Failed`` when it does not exit with 0.
    func run(progress: @escaping ProgressReport) async throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        let ended = AsyncStream<Int32>.makeStream()
        process.terminationHandler = { process in
            ended.continuation.yield(process.terminationStatus)
            ended.continuation.finish()
        }
        try process.run()

        var tail: [String] = []
        for try await line in lines(of: pipe.fileHandleForReading) {
            progress(line)
            tail.append(line)
            if tail.count > 20 { tail.removeFirst() }
        }
        for await status in ended.stream where status != 0 {
            throw Failed(status: status, output: tail.joined(separator: "\n"))
        }
    }

    private func lines(of handle: FileHandle) -> AsyncStream<String> {
        let lines = AsyncStream<String>.makeStream()
        Thread.detachNewThread {
            var pending = Data()
            while true {
                let data = handle.availableData
                if data.isEmpty { break }
                pending.append(data)
                while let end = pending.firstIndex(where: { $0 == 10 || $0 == 13 }) {
                    let line = String(decoding: pending[pending.startIndex..<end], as: UTF8.self)
                    if !line.isEmpty { lines.continuation.yield(line) }
                    pending = Data(pending[pending.index(after: end)...])
                }
            }
            if !pending.isEmpty { lines.continuation.yield(String(decoding: pending, as: UTF8.self)) }
            lines.continuation.finish()
        }
        return lines.stream
    }
}
