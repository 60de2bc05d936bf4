import APIServer
import Foundation
import GRDB
import GoogleAPI
import Synchronization

/// The network that every project begins with, and its firewall rules: rows like any other, which a project may delete.
///
/// See [the default network](https://docs.cloud.google.com/vpc/docs/vpc#default-network).
final class DefaultNetwork: Sendable {
    static let name = "default"
    private let store: ResourceStore
    private let now: @Sendable () -> Date
    private let established = Mutex<Set<String>>([])

    init(store: ResourceStore, now: @escaping @Sendable () -> Date) {
        self.store = store
        self.now = now
    }

    /// Gives a project its network when it is first looked at.
    func establish(in project: String) async throws {
        if established.withLock({ $0.contains(project) }) { return }
        let sql = "SELECT EXISTS (SELECT 1 FROM computeDefaultNetworks WHERE project = ?)"
        if try await !store.database.read({ try Bool.fetchOne($0, sql: sql, arguments: [project]) ?? false }) {
            let created = Timestamp.text(now())
            try await store.database.write { db in
                try db.execute(sql: "INSERT OR IGNORE INTO computeDefaultNetworks VALUES (?)", arguments: [project])
                guard db.changesCount == 1 else { return }
                for (key, row) in Self.rows(project, created) where try ResourceStore.fetch(key, in: db) == nil {
                    try ResourceStore.insert(row, at: key, in: db)
                }
            }
        }
        established.withLock { _ = $0.insert(project) }
    }

    private static func rows(_ project: String, _ created: String) -> [(ResourceKey, JSON)] {
        let network = ResourceKey(project: project, scope: "global", collection: "networks", name: name)
        let rules: [(String, String, JSON, String)] = [
            ("icmp", "Allow ICMP from anywhere", [["IPProtocol": "icmp"]], "0.0.0.0/0"),
            (
                "internal", "Allow internal traffic on the default network",
                [
                    ["IPProtocol": "tcp", "ports": ["0-65535"]], ["IPProtocol": "udp", "ports": ["0-65535"]],
                    ["IPProtocol": "icmp"],
                ],
                "10.128.0.0/9"
            ),
            ("rdp", "Allow RDP from anywhere", [["IPProtocol": "tcp", "ports": ["3389"]]], "0.0.0.0/0"),
            ("ssh", "Allow SSH from anywhere", [["IPProtocol": "tcp", "ports": ["22"]]], "0.0.0.0/0"),
        ]
        let firewalls = rules.map { name, description, allowed, source in
            let key = ResourceKey(
                project: project,
                scope: "global",
                collection: "firewalls",
                name: "default-allow-\(name)"
            )
            let asked: JSON = [
                "name": .string(key.name), "description": .string(description), "allowed": allowed,
                "sourceRanges": [.string(source)], "priority": 65534, "network": .string(network.link),
            ]
            return (key, Firewall.document(asked, key, created: created))
        }
        let body: JSON = ["description": "Default network for the project", "autoCreateSubnetworks": true]
        return [(network, Network.document(body, network, created: created))] + firewalls
    }
}
