/// Lets one at a time do something to a thing. The others wait, and have their turns in the order in which they came.
actor Turns<Thing: Hashable & Sendable> {
    /// Who waits, for each thing that somebody is at.
    private var waiting: [Thing: [CheckedContinuation<Void, Never>]] = [:]

    func take(_ thing: Thing, _ work: @Sendable () async throws -> Void) async throws {
        if waiting[thing] == nil {
            waiting[thing] = []
        } else {
            await withCheckedContinuation { waiting[thing]?.append($0) }
        }
        defer { pass(thing) }
        try Task.checkCancellation()
        try await work()
    }

    private func pass(_ thing: Thing) {
        guard let next = waiting[thing]?.first else { return waiting[thing] = nil }
        waiting[thing]?.removeFirst()
        next.resume()
    }
}
