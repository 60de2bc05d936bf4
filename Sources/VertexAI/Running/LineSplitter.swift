import GoogleAPI
import NIOCore
import Workloads

/// Cuts what a replica prints into lines, for each of its two streams.
struct LineSplitter {
    /// Longer lines are cut.
    private static let longest = 256 << 10

    private let task: String
    private var rests: [LogChunk.Stream: [UInt8]] = [:]

    init(task: String) { self.task = task }

    mutating func lines(of chunk: LogChunk) -> [JobLogLine] {
        var rest = rests[chunk.stream] ?? []
        var lines: [JobLogLine] = []
        for byte in chunk.bytes.readableBytesView {
            if byte == UInt8(ascii: "\n") || rest.count >= Self.longest {
                lines.append(line(rest, chunk.stream))
                rest.removeAll(keepingCapacity: true)
            }
            if byte != UInt8(ascii: "\n") { rest.append(byte) }
        }
        rests[chunk.stream] = rest
        return lines
    }

    /// What is left when the streams end.
    mutating func finish() -> [JobLogLine] {
        defer { rests = [:] }
        return [LogChunk.Stream.output, .error].compactMap { stream in
            rests[stream].flatMap { $0.isEmpty ? nil : line($0, stream) }
        }
    }

    /// A line that is a JSON object is taken apart: its `severity` is the entry's.
    private func line(_ bytes: [UInt8], _ stream: LogChunk.Stream) -> JobLogLine {
        var text = String(decoding: bytes, as: UTF8.self)
        if text.hasSuffix("\r") { text.removeLast() }
        var severity = stream == .output ? "INFO" : "ERROR"
        guard text.hasPrefix("{"), var json = try? JSON(parsing: .init(text.utf8)), json.object != nil else {
            return JobLogLine(task: task, severity: severity, text: text)
        }
        if let own = json["severity"]?.string {
            severity = own
            json["severity"] = nil
        }
        return JobLogLine(task: task, severity: severity, text: json["message"]?.string ?? text, json: json)
    }
}
