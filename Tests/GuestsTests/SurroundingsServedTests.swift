import Foundation
import GoogleAPI
import Guests
import NIOCore
import NIOPosix
import Testing

/// The daemon's side of a network on loopback: its address is 127.0.N.1, the first guest's 127.0.N.2.
func withNetwork(_ number: Int, _ body: @escaping @Sendable (Guests, GuestPlace) async throws -> Void) async throws {
    let guests = try makeGuests(port: 4740)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await guests.run() }
        // The service opens its requests when it first runs; a network made before waits for nothing.
        while !guests.isServing { await Task.yield() }
        _ = try await guests.ensureNetwork("net", subnet: "127.0.\(number).0/24")
        let place = try await guests.admit(guest, to: "net", owner: "vm")
        defer { tasks.cancelAll() }
        try await body(guests, place)
    }
}

/// Asks the metadata server from a guest's address, with as little HTTP as needed.
func ask(
    _ place: GuestPlace,
    _ target: String,
    _ fields: String = "Metadata-Flavor: Google\r\n",
    verb: String = "GET",
    body: String = ""
) async throws -> String {
    let source = try SocketAddress(ipAddress: place.address ?? "", port: 0)
    let daemon = (place.address ?? "").split(separator: ".").dropLast().joined(separator: ".") + ".1"
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(to: source)
        .connect(to: SocketAddress(ipAddress: daemon, port: 4741)) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
    return try await channel.executeThenClose { inbound, outbound in
        let head = "\(verb) \(target) HTTP/1.1\r\nHost: metadata.google.internal\r\n\(fields)"
        let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
        try await outbound.write(ByteBuffer(string: head + length + "Connection: close\r\n\r\n" + body))
        var text = ""
        for try await chunk in inbound { text += String(buffer: chunk) }
        return text
    }
}

/// The beginning of the answer: `HTTP/1.1 200`.
func status(
    _ place: GuestPlace,
    _ target: String,
    _ fields: String = "Metadata-Flavor: Google\r\n",
    verb: String = "GET",
    body: String = ""
) async throws -> String {
    String(try await ask(place, target, fields, verb: verb, body: body).prefix(12))
}

@Suite("metadata server and names", .serialized, .timeLimit(.minutes(1)))
struct SurroundingsServedTests {
    @Test func `a guest is known by its address, and reads its tree`() async throws {
        try await withNetwork(91) { _, place in
            let base = "/computeMetadata/v1"
            for (path, expected) in [
                ("/project/project-id", "demo"), ("/project/numeric-project-id", "123"), ("/instance/id", "7"),
                ("/instance/machine-type", "e2-small"), ("/instance/attributes/startup-script", "echo"),
                ("/instance/attributes/", "startup-script\n"), ("/universe/universe-domain", "googleapis.com"),
                ("/universe/universe_domain", "googleapis.com"),
                ("/instance/service-accounts/", "default/\nsa@demo.iam.gserviceaccount.com/\n"),
                ("/instance/service-accounts/default/", "aliases\nemail\nidentity\nscopes\ntoken\n"),
                ("/instance/service-accounts/default/email", "sa@demo.iam.gserviceaccount.com"),
                (
                    "/instance/service-accounts/default/?recursive=true",
                    #"{"aliases":["default"],"email":"sa@demo.iam.gserviceaccount.com","#
                        + #""scopes":["https://www.googleapis.com/auth/cloud-platform"]}"#
                ),
                (
                    "/instance/service-accounts/default/token",
                    #"{"access_token":"token-sa@demo.iam.gserviceaccount.com","expires_in":3599,"token_type":"Bearer"}"#
                ),
                (
                    "/instance/service-accounts/default/identity?audience=a%2Fb&format=full",
                    "sa@demo.iam.gserviceaccount.com for a/b at vm"
                ),
            ] {
                let answer = try await ask(place, base + path)
                #expect(
                    answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\n" + expected),
                    "\(path): \(answer)"
                )
                #expect(answer.lowercased().contains("metadata-flavor: google"))
                #expect(answer.contains("Server: Metadata Server for VM"))
            }
        }
    }

    @Test func `requests without the flavor, or forwarded ones, are refused`() async throws {
        try await withNetwork(92) { _, place in
            let bare = try await status(place, "/computeMetadata/v1/instance/id", "")
            #expect(bare == "HTTP/1.1 403")
            let older = "X-Google-Metadata-Request: True\r\n"
            #expect(try await status(place, "/computeMetadata/v1/instance/id", older) == "HTTP/1.1 200")
            let forwarded = "Metadata-Flavor: Google\r\nX-Forwarded-For: 1.2.3.4\r\n"
            #expect(try await status(place, "/computeMetadata/v1/instance/id", forwarded) == "HTTP/1.1 403")
            let stranger = GuestPlace(network: "net", address: "127.0.92.77")
            #expect(try await status(stranger, "/computeMetadata/v1/instance/id") == "HTTP/1.1 404")
            #expect(try await status(place, "/computeMetadata/v1/instance/nothing") == "HTTP/1.1 404")
            #expect(try await status(place, "/", "") == "HTTP/1.1 200")
        }
    }

    @Test func `who waits for a change is woken by it`() async throws {
        try await withNetwork(93) { guests, place in
            let path = "/computeMetadata/v1/instance/attributes/?recursive=true&wait_for_change=true"
            async let woken = ask(place, path)
            var changed = guest
            changed.instance["attributes"] = ["k": "v"]
            // Whether the question or the change comes first, the second change differs from what was known.
            var document = changed
            for count in 0..<50 {
                document.instance["attributes"] = ["k": .string("v\(count)")]
                try await guests.update(document, owner: "vm")
                await Task.yield()
                try await Task.sleep(for: .milliseconds(10))
            }
            let answer = try await woken
            #expect(answer.contains(#"{"k":"v"#))
            let timed = try await ask(place, path + "&timeout_sec=1")
            #expect(timed.hasSuffix(#"{"k":"v49"}"#))
        }
    }

    @Test func `guest attributes are kept when the instance allows them`() async throws {
        try await withNetwork(94) { guests, place in
            let path = "/computeMetadata/v1/instance/guest-attributes/hostkeys/ssh-ed25519"
            #expect(try await status(place, path, verb: "PUT", body: "AAAA") == "HTTP/1.1 403")
            var allowed = guest
            allowed.instance["attributes"] = ["enable-guest-attributes": "TRUE"]
            try await guests.update(allowed, owner: "vm")
            #expect(try await status(place, path, verb: "PUT", body: "AAAA") == "HTTP/1.1 200")
            let kept = try await ask(place, path)
            #expect(kept.hasSuffix("AAAA"))
            #expect(try await guests.attributes(of: "vm", namespace: "hostkeys").map(\.value) == ["AAAA"])
        }
    }

    @Test func `names of Google's, of the metadata server and of guests resolve`() async throws {
        try await withNetwork(95) { _, place in
            for (name, address) in [
                ("storage.googleapis.com", [199, 36, 153, 8]), ("metadata.google.internal", [169, 254, 169, 254]),
                ("vm.us-central1-a.c.demo.internal", [127, 0, 95, 2]), ("VM.c.demo.internal", [127, 0, 95, 2]),
            ] as [(String, [UInt8])] {
                let answer = try await resolve(name, kind: 1, at: "127.0.95.1")
                #expect(Array(answer.suffix(4)) == address, "\(name): \(answer)")
                let none = try await resolve(name, kind: 28, at: "127.0.95.1")
                #expect(none[3] & 15 == 0 && none[7] == 0)
            }
            #expect(try await resolve("nobody.c.demo.internal", kind: 1, at: "127.0.95.1")[3] & 15 == 3)
        }
    }

    @Test func `an address of the network tells whose it is`() async throws {
        try await withNetwork(95) { _, place in
            let answer = try await resolve("2.95.0.127.in-addr.arpa", kind: 12, at: "127.0.95.1")
            #expect(answer[3] & 15 == 0 && answer[7] == 1)
            #expect(Array(answer.suffix(34)) == labels(of: "vm.us-central1-a.c.demo.internal"))
            #expect(try await resolve("9.95.0.127.in-addr.arpa", kind: 12, at: "127.0.95.1")[3] & 15 == 3)
        }
    }

    @Test func `parts of one network know each other's names, and no others`() async throws {
        try await withNetwork(96) { guests, _ in
            let parts = [Guests.wholeLabel: "projects/demo/global/networks/lab"]
            for (part, number) in [("one", 97), ("two", 98)] {
                let range = "127.0.\(number).0/24"
                _ = try await guests.ensureNetwork(part, subnet: range, labels: parts)
                _ = try await guests.admit(
                    Guest(
                        projectID: "demo",
                        projectNumber: 1,
                        instance: ["name": .string("vm-\(part)"), "zone": "zones/us-central1-a"]
                    ),
                    to: part,
                    owner: part
                )
            }
            let far = try await resolve("vm-two.us-central1-a.c.demo.internal", kind: 1, at: "127.0.97.1")
            #expect(Array(far.suffix(4)) == [127, 0, 98, 2])
            let asked = try await resolve("2.98.0.127.in-addr.arpa", kind: 12, at: "127.0.97.1")
            #expect(Array(asked.suffix(38)) == labels(of: "vm-two.us-central1-a.c.demo.internal"))
            #expect(try await resolve("vm-two.us-central1-a.c.demo.internal", kind: 1, at: "127.0.96.1")[3] & 15 == 3)
        }
    }

    private func labels(of name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private func resolve(_ name: String, kind: UInt8, at daemon: String) async throws -> [UInt8] {
        let server = try SocketAddress(ipAddress: daemon, port: 4742)
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: server) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<AddressedEnvelope<ByteBuffer>, AddressedEnvelope<ByteBuffer>>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        let query: [UInt8] = [7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels(of: name) + [0, kind, 0, 1]
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(AddressedEnvelope(remoteAddress: server, data: ByteBuffer(bytes: query)))
            for try await answer in inbound { return Array(answer.data.readableBytesView) }
            return []
        }
    }
}
