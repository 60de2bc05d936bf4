import Foundation
import Synchronization

/// A program of the daemon's machine, run to its end.
enum Command {
    struct Result: Sendable {
        var status: Int32
        var output: String
    }

    /// Where a program is; nil when it is not installed.
    static func path(of program: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (folders + ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin"])
            .map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program; its output and errors come together, and must be short.
    static func run(_ program: String, _ arguments: [String], input: String? = nil) async throws -> Result {
        guard let path = path(of: program) else { throw CocoaError(.fileNoSuchFile) }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        let stdin = Pipe()
        process.standardInput = stdin
        let (ended, end) = AsyncStream<Int32>.makeStream()
        process.terminationHandler = {
            end.yield($0.terminationStatus)
            end.finish()
        }
        try process.run()
        if let input { try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
        try stdin.fileHandleForWriting.close()
        var status: Int32 = -1
        for await code in ended { status = code }
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        return Result(status: status, output: String(decoding: data, as: UTF8.self))
    }
}
