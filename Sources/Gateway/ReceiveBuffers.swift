import NIOCore
import Synchronization

/// How many bytes a connection reads at once: as NIO chooses, and more while it is one of the few that carry much.
///
/// Every piece that is read costs the same on its way to the disk, whatever its size; but pieces wait in queues, so that
/// memory would grow with the number of uploads if all of them were large.
struct ReceiveBuffers: RecvByteBufferAllocator {
    private var usual = AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: usualBytes)
    private var seat: LargeReads.Seat?
    private let large: LargeReads

    private static let usualBytes = 64 << 10
    private static let largeBytes = 256 << 10

    init(_ large: LargeReads) { self.large = large }

    private var size: Int { seat == nil ? usual.nextBufferSize() ?? Self.usualBytes : Self.largeBytes }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: size) }

    func nextBufferSize() -> Int? { size }

    mutating func record(actualReadBytes: Int) -> Bool {
        guard seat == nil else {
            if actualReadBytes < Self.usualBytes { seat = nil }
            return false
        }
        if actualReadBytes >= Self.usualBytes { seat = large.seat() }
        return usual.record(actualReadBytes: actualReadBytes) || seat != nil
    }
}

/// Who may read large pieces: a few connections at a time.
final class LargeReads: Sendable {
    private let taken = Atomic(0)
    private let seats: Int

    init(seats: Int = 4) { self.seats = seats }

    /// Nil: all are taken. A seat is free again when nobody holds it any more.
    func seat() -> Seat? {
        guard taken.wrappingAdd(1, ordering: .relaxed).newValue <= seats else {
            taken.wrappingSubtract(1, ordering: .relaxed)
            return nil
        }
        return Seat(self)
    }

    final class Seat: Sendable {
        private let large: LargeReads

        fileprivate init(_ large: LargeReads) { self.large = large }
        deinit { large.taken.wrappingSubtract(1, ordering: .relaxed) }
    }
}
