import Synchronization
import Workloads

/// The networks that the daemon has made, in memory: what must be asked for each connection, without a query.
package final class KnownNetworks: Sendable {
    struct Entry: Sendable {
        var range: AddressRange?
        var daemonAddress: String
        var hasDoors: Bool
        /// The network of a user's that this one is a part of.
        var whole: String?
    }

    private let entries = Mutex<[String: Entry]>([:])

    package init() {}

    func set(_ record: NetworkRecord) {
        let entry = Entry(
            range: AddressRange(record.subnet),
            daemonAddress: record.daemonAddress,
            hasDoors: record.hasDoors,
            whole: record.whole
        )
        entries.withLock { $0[record.name] = entry }
    }

    func remove(_ name: String) { entries.withLock { $0[name] = nil } }

    subscript(name: String) -> Entry? { entries.withLock { $0[name] } }

    /// The names of a network's parts, but for one; none where there is no whole.
    func parts(of whole: String?, besides name: String) -> [String] {
        guard let whole else { return [] }
        return entries.withLock { $0.filter { $0.key != name && $0.value.whole == whole }.keys.sorted() }
    }

    /// Whether an address belongs to one of Brume's own networks, so that the gateway passes its connections on.
    package func contain(_ address: String) -> Bool {
        guard let number = IPv4.number(address.replacing("::ffff:", with: "", maxReplacements: 1)) else { return false }
        return entries.withLock { $0.values.contains { $0.range?.contains(number) ?? false } }
    }
}
