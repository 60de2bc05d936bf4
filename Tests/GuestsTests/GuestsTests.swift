import BrumeTesting
import Foundation
import GoogleAPI
import Guests
import Logging
import MetadataStore
import SimulatedEngine
import Testing
import Workloads

struct FixedTokens: TokenIssuer {
    func accessToken(for email: String, scopes: [String], lifetime: Duration) async throws -> String {
        "token-\(email)"
    }
    func identityToken(for email: String, audience: String, claims: JSON) async throws -> String {
        "\(email) for \(audience)"
            + (claims["google"]?["compute_engine"]?["instance_name"]?.string.map { " at \($0)" } ?? "")
    }
}

func makeGuests(engine: SimulatedEngine = SimulatedEngine(), port: Int = 4740) throws -> Guests {
    Guests(
        engine: engine,
        store: try MetadataStore(inMemoryWith: [GuestsSchema.self]),
        networks: KnownNetworks(),
        ports: .init(gateway: port, metadata: port + 1, names: port + 2),
        authorityPEM: "PEM",
        tokens: FixedTokens(),
        isServedName: { $0.hasSuffix("googleapis.com") },
        gateway: { _, _, onListening in onListening() },
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    )
}

let guest = Guest(
    projectID: "demo",
    projectNumber: 123,
    serviceAccount: "sa@demo.iam.gserviceaccount.com",
    instance: [
        "name": "vm", "id": 7, "zone": "projects/123/zones/us-central1-a", "machineType": "e2-small",
        "hostname": "vm.us-central1-a.c.demo.internal", "attributes": ["startup-script": "echo"],
    ]
)

@Suite("guests")
struct GuestsTests {
    @Test func `guests get the lowest free addresses, and keep them`() async throws {
        let guests = try makeGuests()
        _ = try await guests.ensureNetwork("net", subnet: "10.9.0.0/28")
        let first = try await guests.admit(guest, to: "net", owner: "a")
        #expect(first == GuestPlace(network: "net", address: "10.9.0.2"))
        #expect(try await guests.admit(guest, to: "net", owner: "b").address == "10.9.0.3")
        #expect(try await guests.admit(guest, to: "net", owner: "a") == first)
        try await guests.release(owner: "a")
        #expect(try await guests.admit(guest, to: "net", owner: "c").address == "10.9.0.2")
    }

    @Test func `unannounced callers have an identity only while all present share it`() {
        var other = guest
        other.instance = [:]
        #expect(CommonGuest.common(of: [guest, other])?.serviceAccount == guest.serviceAccount)
        #expect(CommonGuest.common(of: []) == nil)
        var account = guest
        account.serviceAccount = "boss@demo.iam.gserviceaccount.com"
        #expect(CommonGuest.common(of: [guest, account]) == nil)
        var project = guest
        project.projectID = "elsewhere"
        #expect(CommonGuest.common(of: [guest, project]) == nil)
    }

    @Test func `a taken address is 409, one outside the range 400, a full range 429`() async throws {
        let guests = try makeGuests()
        _ = try await guests.ensureNetwork("net", subnet: "10.9.0.0/16")
        _ = try await guests.admit(guest, to: "net", within: "10.9.1.0/29", wanting: "10.9.1.3", owner: "a")
        let range = "10.9.1.0/29"
        for (wanted, code) in [("10.9.1.3", 409), ("10.9.1.7", 400), ("10.8.0.2", 400), ("x", 400)] {
            let error = await #expect(throws: GoogleError.self) {
                try await guests.admit(guest, to: "net", within: range, wanting: wanted, owner: "b")
            }
            #expect(error?.code == code)
        }
        for owner in ["c", "d", "e"] { _ = try await guests.admit(guest, to: "net", within: range, owner: owner) }
        let error = await #expect(throws: GoogleError.self) {
            try await guests.admit(guest, to: "net", within: range, owner: "f")
        }
        #expect(error?.code == 429)
    }

    @Test func `a process is surrounded without losing its own variables`() async throws {
        let guests = try makeGuests()
        _ = try await guests.ensureNetwork("net", subnet: "10.9.0.0/16")
        let place = try await guests.admit(guest, to: "net", owner: "a")
        var process = ProcessSpec(image: "debian", environment: ["SSL_CERT_FILE": "mine"])
        guests.surround(&process, as: guest, at: place)
        #expect(process.environment["SSL_CERT_FILE"] == "mine")
        #expect(process.environment["REQUESTS_CA_BUNDLE"] == ProcessSpec.trustBundlePath)
        #expect(process.trustedAuthorities == ["PEM"])
        #expect(process.network?.address == "10.9.0.2")
        #expect(process.network?.nameServers == ["169.254.169.254"])
        #expect(process.network?.searchDomains.first == "us-central1-a.c.demo.internal")
    }
}

@Suite("a guest's scopes")
struct GuestScopesTests {
    private static let prefix = "https://www.googleapis.com/auth/"

    @Test(
        "a program in a guest gets no more scopes than the guest has",
        arguments: [
            (["devstorage.read_only"], ["devstorage.full_control", "devstorage.read_only"], ["devstorage.read_only"]),
            (["devstorage.read_only"], ["compute"], ["devstorage.read_only"]),
            (["devstorage.read_only"], [], ["devstorage.read_only"]),
            (["cloud-platform"], ["compute"], ["compute"]),
        ]
    )
    func narrowed(held: [String], wanted: [String], given: [String]) {
        let guest = Guest(projectID: "demo", projectNumber: 1, scopes: held.map { Self.prefix + $0 })
        #expect(guest.scopes(among: wanted.map { Self.prefix + $0 }) == given.map { Self.prefix + $0 })
    }
}
