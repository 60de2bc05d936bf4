import Foundation

/// A shell that is turned to the cloud; runs the journey's commands and shows what they print.
struct DemoShell {
    var folder: String
    var environment: [String: String]

    struct Result {
        var status: Int32
        /// Standard output and standard error, in the order in which they came.
        var output: String
        var duration: Duration

        /// The last line that is not empty.
        var lastLine: String {
            output.split(whereSeparator: \.isNewline).last.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
        }
    }

    /// Runs a command line with bash, printing each line as it comes.
    func run(_ command: String) throws -> Result {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-o", "pipefail", "-c", command]
        process.environment = environment
        process.currentDirectoryURL = URL(filePath: folder)
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        let clock = ContinuousClock()
        let start = clock.now
        try process.run()
        try? pipe.fileHandleForWriting.close()
        var printer = LinePrinter()
        while true {
            let data = pipe.fileHandleForReading.availableData
            if data.isEmpty { break }
            printer.add(data)
        }
        printer.finish()
        process.waitUntilExit()
        return Result(status: process.terminationStatus, output: printer.text, duration: clock.now - start)
    }

    func has(_ program: String) -> Bool {
        (environment["PATH"] ?? "").split(separator: ":")
            .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }
}

/// Prints whole lines, indented; of a line that a client redraws (carriage returns) only its last state.
private struct LinePrinter {
    private(set) var text = ""
    private var rest = ""

    mutating func add(_ data: Data) {
        let piece = String(decoding: data, as: UTF8.self)
        text += piece
        rest += piece
        while let end = rest.firstIndex(where: { $0 == "\n" || $0 == "\r\n" }) {
            show(rest[..<end])
            rest = String(rest[rest.index(after: end)...])
        }
    }

    mutating func finish() {
        if !rest.isEmpty { show(rest[...]) }
        rest = ""
    }

    private func show(_ line: Substring) {
        let state = line.split(separator: "\r", omittingEmptySubsequences: true).last ?? ""
        print("    \(state)")
        fflush(nil)
    }
}
