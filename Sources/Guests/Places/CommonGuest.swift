/// Who callers count as that have an address in a network which nobody gave them, such as containers that build steps
/// start themselves.
///
/// They count as whoever is present while all present are of one project and one service account. When those differ,
/// nobody can tell whose container asks, and it gets no identity at all rather than another's.
package actor CommonGuest {
    private let guests: Guests
    private let network: String
    private var present: [String: Guest] = [:]
    private var last: Task<Void, any Error>?

    package init(_ guests: Guests, network: String) {
        self.guests = guests
        self.network = network
    }

    /// Notes that somebody is there; repeated calls are harmless. Returns when the network knows.
    package func enter(_ guest: Guest, as owner: String) async throws {
        present[owner] = guest
        try await settle()
    }

    package func leave(_ owner: String) async throws {
        guard present.removeValue(forKey: owner) != nil else { return }
        try await settle()
    }

    /// The guest whom all stand for; nil when there is none, or they differ.
    package static func common(of present: some Collection<Guest>) -> Guest? {
        guard let first = present.first else { return nil }
        let isShared = present.allSatisfy {
            $0.projectID == first.projectID && $0.serviceAccount == first.serviceAccount
        }
        return isShared ? first : nil
    }

    /// One after the other: what was decided earlier must not be written later.
    private func settle() async throws {
        let previous = last
        let task = Task {
            _ = await previous?.result
            try await guests.setDefaultGuest(Self.common(of: present.values), network: network)
        }
        last = task
        try await task.value
    }
}
