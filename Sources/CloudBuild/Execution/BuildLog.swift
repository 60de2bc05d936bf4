import Logging
import NIOCore

/// The text of one build's log, written to its object while it grows.
///
/// A new line is in the object about half a second after it came. The object is always written whole, so a reader
/// never sees a torn one; the pause grows with the time that a write takes, so that a long log does not keep the disk
/// busy.
actor BuildLog {
    typealias Write = @Sendable (ByteBuffer) async throws -> Void

    /// What is kept of a log; the rest of a build that prints without end is left out, and the log says so.
    static let maximumBytes = 64 << 20

    private let write: Write?
    private let logger: Logger
    private let pause: Duration
    private var text = ByteBuffer()
    private var isFull = false
    private var writtenBytes = -1
    private var writer: Task<Void, Never>?
    /// Why the object lacks some of the text; nil: it has all, or the next try is yet to come.
    private(set) var failure: (any Error)?

    /// - Parameter write: Nil for builds without a log object.
    init(pause: Duration = .milliseconds(400), logger: Logger, write: Write?) {
        self.pause = pause
        self.logger = logger
        self.write = write
    }

    func line(_ line: String) { append(ByteBuffer(string: line + "\n")) }

    func append(_ bytes: ByteBuffer) {
        guard !isFull else { return }
        if text.readableBytes + bytes.readableBytes > Self.maximumBytes {
            isFull = true
            text.writeString("\n[the log is longer than \(Self.maximumBytes) bytes; the rest is left out]\n")
        } else {
            text.writeImmutableBuffer(bytes)
        }
        guard writer == nil, write != nil else { return }
        writer = Task { await self.keepWriting() }
    }

    /// Writes what is missing; nothing may be appended afterwards.
    func close() async {
        writer?.cancel()
        await writer?.value
        await writeNow()
    }

    private func keepWriting() async {
        while writtenBytes < text.readableBytes {
            let start = ContinuousClock.now
            await writeNow()
            let rest = max(pause, (ContinuousClock.now - start) * 4)
            // Ends early when the log is closed, which writes the rest itself.
            guard (try? await Task.sleep(for: rest)) != nil else { break }
        }
        writer = nil
    }

    private func writeNow() async {
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
