import Foundation
import NIOCore

extension HostProgram {
    /// How a run ended, and what it said on both streams.
    package struct Report: Sendable {
        package var status: Int32
        package var output: String
    }

    /// The most that a run may say when it is kept whole, in bytes.
    private static let maximumOutput = 16 << 20

    /// Where a program is; nil when it is not installed.
    package static func find(_ name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (folders + ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin"])
            .map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program by its name, as a shell would find it, to its end.
    ///
    /// - Throws: `CocoaError` `fileNoSuchFile` when it is not installed.
    package static func run(_ name: String, _ arguments: [String], input: String? = nil) async throws -> Report {
        guard let path = find(name) else {
            throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: name])
        }
        let run = try await HostProgram(path, arguments, errors: .withOutput).run { output, writer in
            // A program that does not read what it is told says why by its exit code.
            if let input { try? await writer.write(ByteBuffer(string: input)) }
            writer.finish()
            return try await output.collect(upTo: maximumOutput)
        }
        return Report(status: run.status, output: String(buffer: run.result))
    }

    /// Runs the program to its end; what it says, on either stream, is told line by line.
    ///
    /// - Returns: How it ended, and the last lines of what it said.
    package func run(line: @escaping @Sendable (String) -> Void) async throws -> Report {
        var program = self
        program.errors = .withOutput
        let run = try await program.run { output, writer in
            writer.finish()
            var (tail, pending) = ([String](), ByteBuffer())
            func tell(_ text: String) {
                guard !text.isEmpty else { return }
                line(text)
                tail.append(text)
                if tail.count > 20 { tail.removeFirst() }
            }
            for try await var chunk in output {
                pending.writeBuffer(&chunk)
                // Programs that show progress end their lines with a carriage return.
                while let end = pending.readableBytesView.firstIndex(where: { $0 == 10 || $0 == 13 }) {
                    tell(pending.readString(length: end - pending.readerIndex) ?? "")
                    pending.moveReaderIndex(forwardBy: 1)
                }
                pending.discardReadBytes()
            }
            tell(String(buffer: pending))
            return tail
        }
        return Report(status: run.status, output: run.result.joined(separator: "\n"))
    }
}
