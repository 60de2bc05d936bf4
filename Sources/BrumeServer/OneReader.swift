/// Lets a stream pull the elements of a sequence, each when it is asked for.
final class OneReader<Base: AsyncIteratorProtocol>: @unchecked Sendable where Base.Element: Sendable {
    // The stream that owns it asks for one element after the other.
    private var iterator: Base

    init(_ iterator: Base) { self.iterator = iterator }

    func next() async throws -> Base.Element? { try await iterator.next() }
}
