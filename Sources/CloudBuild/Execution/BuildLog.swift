import Logging
import NIOCore

/// The text of one build's log, written to its object and to Cloud Logging while it grows.
///
/// The first line is in the object at once, later ones within a quarter of a second or so. Only what is not written yet
/// is held: who prints faster than the disk takes it is made to wait.
actor BuildLog {
    typealias Begin = @Sendable () async throws -> any GrowingLog

    /// Takes whole lines, without their ends.
    typealias Tell = @Sendable ([String]) async throws -> Void

    /// What is told of a log line by line; a build that prints without end would fill the cloud's rows.
    static let maximumEntries = 100_000

    /// The longest entry of [Cloud Logging](https://docs.cloud.google.com/logging/quotas); longer lines are cut.
    private static let maximumEntryBytes = 250 << 10

    /// More than this is written without a pause.
    private static let hurryBytes = 1 << 20

    /// When this much is not written yet, who appends waits.
    private static let heldBytes = 4 << 20

    private let maximumOutputBytes: Int
    private let begin: Begin?
    private let tell: Tell?
    private let logger: Logger
    private let pause: Duration
    private var object: (any GrowingLog)?
    /// What is not written yet.
    private var text = ByteBuffer()
    private var isPublished = true
    private var lastPublication: ContinuousClock.Instant?
    /// What is not told yet.
    private var untold = ByteBuffer()
    private var holdsLine = false
    private var toldEntries = 0
    private var outputBytes = 0
    private var writer: Task<Void, Never>?
    private var nap: Task<Void, any Error>?
    private var isClosing = false
    private var waiters: [CheckedContinuation<Void, Never>] = []
    /// Bytes could not be written: what comes after them has no place any more.
    private var isBroken = false
    /// Why the object lacks some of the text; nil: it has all, or the next try is yet to come.
    private(set) var failure: (any Error)?

    /// - Parameters:
    ///   - maximumOutputBytes: What is kept of the output of steps; the rest of a build that prints without end is left
    ///     out, and the log says so. What Cloud Build itself says of the build is always kept.
    ///   - begin: Begins the log's object; nil for builds without one.
    ///   - tell: Nil for builds whose lines are no entries of Cloud Logging.
    init(
        maximumOutputBytes: Int,
        pause: Duration = .milliseconds(150),
        logger: Logger,
        begin: Begin?,
        tell: Tell? = nil
    ) {
        self.maximumOutputBytes = maximumOutputBytes
        self.tell = tell
        self.pause = pause
        self.logger = logger
        self.begin = begin
    }

    /// Adds a line of Cloud Build's own.
    func line(_ line: String) { keep(ByteBuffer(string: line + "\n")) }

    /// Adds output of a step; returns when there is room for more.
    func append(_ bytes: ByteBuffer) async {
        guard outputBytes <= maximumOutputBytes else { return }
        outputBytes += bytes.readableBytes
        guard outputBytes <= maximumOutputBytes else {
            return line("\n[the steps printed more than \(maximumOutputBytes) bytes; the rest is left out]")
        }
        keep(bytes)
        while max(text.readableBytes, untold.readableBytes) > Self.heldBytes, writer != nil {
            await withCheckedContinuation { waiters.append($0) }
        }
    }

    private func keep(_ bytes: ByteBuffer) {
        if begin != nil, !isBroken {
            text.writeImmutableBuffer(bytes)
            isPublished = false
        }
        if tell != nil, toldEntries < Self.maximumEntries {
            untold.writeImmutableBuffer(bytes)
            holdsLine =
                holdsLine || untold.readableBytes >= Self.maximumEntryBytes
                || bytes.readableBytesView.contains(UInt8(ascii: "\n"))
        }
        if text.readableBytes > Self.hurryBytes { nap?.cancel() }
        if writer == nil, !isClosing, !isPublished || holdsLine { writer = Task { await self.keepWriting() } }
    }

    /// Writes what is missing; nothing may be appended afterwards.
    func close() async {
        isClosing = true
        nap?.cancel()
        await writer?.value
        if untold.readableBytes > 0 {
            if untold.readableBytesView.last != UInt8(ascii: "\n") { untold.writeString("\n") }
            holdsLine = true
        }
        await writeNow()
        await object?.close()
    }

    private func keepWriting() async {
        while !isClosing, !isPublished || holdsLine {
            let start = ContinuousClock.now
            await writeNow()
            guard text.readableBytes < Self.hurryBytes, !isClosing else { continue }
            let rest = max(pause, (ContinuousClock.now - start) * 4)
            let nap = Task { try await Task.sleep(for: rest) }
            self.nap = nap
            // Ends early when the log is closed, which writes the rest itself, or when much has come.
            _ = await nap.result
            self.nap = nil
        }
        writer = nil
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    private func writeNow() async {
        await tellNow()
        await writeObject()
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    private func writeObject() async {
        guard let begin, !isPublished, !isBroken else { return }
        let batch = text
        text = ByteBuffer()
        do {
            let object: any GrowingLog
            do {
                object = if let begun = self.object { begun } else { try await begin() }
                self.object = object
                try await object.append(batch)
            } catch {
                (isBroken, isPublished, text) = (true, true, ByteBuffer())
                throw error
            }
            // While much comes, not every piece of it is shown by itself.
            let isDue = lastPublication.map { ContinuousClock.now - $0 >= pause } ?? true
            guard isClosing || isDue || text.readableBytes < Self.hurryBytes else { return }
            try await object.publish()
            isPublished = text.readableBytes == 0
            lastPublication = .now
            failure = nil
        } catch {
            // What was appended is shown with the next try, after the pause, or when the log is closed.
            if failure == nil { logger.warning("cannot write the log of a build: \(error)") }
            failure = error
        }
    }

    /// Tells the whole lines that came since the last time.
    private func tellNow() async {
        guard let tell, holdsLine else { return }
        let end = untold.readableBytesView.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
        holdsLine = false
        let count = end.map { $0 - untold.readerIndex } ?? untold.readableBytes
        guard let whole = untold.readSlice(length: count) else { return }
        untold.discardReadBytes()
        var lines = Self.lines(of: whole)
        if toldEntries + lines.count > Self.maximumEntries {
            lines =
                lines.prefix(Self.maximumEntries - toldEntries)
                + ["[the log has more than \(Self.maximumEntries) lines; the rest is left out here]"]
            untold.clear()
        }
        toldEntries += lines.count
        do {
            for start in stride(from: 0, to: lines.count, by: 1000) {
                try await tell(Array(lines[start..<min(start + 1000, lines.count)]))
            }
        } catch {
            logger.warning("cannot tell Cloud Logging of a build: \(error)")
        }
    }

    private static func lines(of text: ByteBuffer) -> [String] {
        var bytes = text.readableBytesView
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).flatMap { line in
            stride(from: 0, to: max(1, line.count), by: maximumEntryBytes).map { start in
                String(decoding: line.dropFirst(start).prefix(maximumEntryBytes), as: UTF8.self)
            }
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
        var (rest, result) = (bytes, ByteBuffer())
        while rest.readableBytes > 0 {
            if isAtStart { result.writeString(prefix) }
            let view = rest.readableBytesView
            let end = view.firstIndex(of: UInt8(ascii: "\n"))
            isAtStart = end != nil
            let length = end.map { $0 + 1 - view.startIndex } ?? view.count
            if var line = rest.readSlice(length: length) { result.writeBuffer(&line) }
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
