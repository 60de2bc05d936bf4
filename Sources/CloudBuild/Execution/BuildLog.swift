import Logging
import NIOCore

/// The text of one build's log, written to its object and to Cloud Logging while it grows.
///
/// A new line is in the object about half a second after it came. The object is always written whole, so a reader
/// never sees a torn one; the pause grows with the time that a write takes, so that a long log does not keep the disk
/// busy.
actor BuildLog {
    typealias Write = @Sendable (ByteBuffer) async throws -> Void

    /// What is kept of a log; the rest of a build that prints without end is left out, and the log says so.
    static let maximumBytes = 64 << 20

    /// Takes whole lines, without their ends.
    typealias Tell = @Sendable ([String]) async throws -> Void

    /// What is told of a log line by line; a build that prints without end would fill the cloud's rows.
    static let maximumEntries = 100_000

    private let write: Write?
    private let tell: Tell?
    private let logger: Logger
    private let pause: Duration
    private var text = ByteBuffer()
    /// What is not told yet.
    private var untold = ByteBuffer()
    private var toldEntries = 0
    private var isFull = false
    private var writtenBytes = -1
    private var writer: Task<Void, Never>?
    /// Why the object lacks some of the text; nil: it has all, or the next try is yet to come.
    private(set) var failure: (any Error)?

    /// - Parameters:
    ///   - write: Nil for builds without a log object.
    ///   - tell: Nil for builds whose lines are no entries of Cloud Logging.
    init(pause: Duration = .milliseconds(400), logger: Logger, write: Write?, tell: Tell? = nil) {
        self.tell = tell
        self.pause = pause
        self.logger = logger
        self.write = write
    }

    func line(_ line: String) { append(ByteBuffer(string: line + "\n")) }

    func append(_ bytes: ByteBuffer) {
        guard !isFull else { return }
        if text.readableBytes + bytes.readableBytes > Self.maximumBytes {
            isFull = true
            let end = ByteBuffer(
                string: "\n[the log is longer than \(Self.maximumBytes) bytes; the rest is left out]\n"
            )
            keep(end)
        } else {
            keep(bytes)
        }
        guard writer == nil, write != nil || tell != nil else { return }
        writer = Task { await self.keepWriting() }
    }

    private func keep(_ bytes: ByteBuffer) {
        if write != nil { text.writeImmutableBuffer(bytes) }
        if tell != nil, toldEntries < Self.maximumEntries { untold.writeImmutableBuffer(bytes) }
    }

    /// Writes what is missing; nothing may be appended afterwards.
    func close() async {
        writer?.cancel()
        await writer?.value
        if let last = untold.readableBytesView.last, last != UInt8(ascii: "\n") { untold.writeString("\n") }
        await writeNow()
    }

    private func keepWriting() async {
        while writtenBytes < text.readableBytes || holdsLine {
            let start = ContinuousClock.now
            await writeNow()
            let rest = max(pause, (ContinuousClock.now - start) * 4)
            // Ends early when the log is closed, which writes the rest itself.
            guard (try? await Task.sleep(for: rest)) != nil else { break }
        }
        writer = nil
    }

    private var holdsLine: Bool { untold.readableBytesView.contains(UInt8(ascii: "\n")) }

    private func writeNow() async {
        await tellNow()
        await writeObject()
    }

    /// Tells the whole lines that came since the last time.
    private func tellNow() async {
        guard let tell, let end = untold.readableBytesView.lastIndex(of: UInt8(ascii: "\n")),
            let whole = untold.readSlice(length: end + 1 - untold.readerIndex)
        else { return }
        untold.discardReadBytes()
        var lines = whole.readableBytesView.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .dropLast().map { String(decoding: $0, as: UTF8.self) }
        if toldEntries + lines.count > Self.maximumEntries {
            lines =
                lines.prefix(Self.maximumEntries - toldEntries)
                + ["[the log has more than \(Self.maximumEntries) lines; the rest is left out here]"]
        }
        toldEntries += lines.count
        do {
            // Closing the log ends the pause between two writes, and not a write.
            try await Task { [lines] in
                for start in stride(from: 0, to: lines.count, by: 1000) {
                    try await tell(Array(lines[start..<min(start + 1000, lines.count)]))
                }
            }.value
        } catch {
            logger.warning("cannot tell Cloud Logging of a build: \(error)")
        }
    }

    private func writeObject() async {
        guard let write, writtenBytes < text.readableBytes else { return }
        let snapshot = text
        do {
            // Closing the log ends the pause between two writes, and not a write.
            try await Task { try await write(snapshot) }.value
            writtenBytes = snapshot.readableBytes
            failure = nil
        } catch {
            // Tried again after the pause, and a last time when the log is closed.
            if failure == nil { logger.warning("cannot write the log of a build: \(error)") }
            failure = error
        }
    }
}

/// Puts a prefix before each line of a stream of bytes.
struct LinePrefix {
    let prefix: String
    private var isAtStart = true

    init(_ prefix: String) { self.prefix = prefix }

    mutating func apply(_ bytes: ByteBuffer) -> ByteBuffer {
        if prefix.isEmpty { return bytes }
        var result = ByteBuffer()
        for byte in bytes.readableBytesView {
            if isAtStart { result.writeString(prefix) }
            result.writeInteger(byte)
            isAtStart = byte == UInt8(ascii: "\n")
        }
        return result
    }

    /// A line end, when the last line has none.
    mutating func end() -> ByteBuffer? {
        guard !isAtStart, !prefix.isEmpty else { return nil }
        isAtStart = true
        return ByteBuffer(string: "\n")
    }
}
