import APIServer
import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

/// One secret as Secret Manager's API shows it, and what was last asked of it.
private final class Secrets: Sendable {
    static func api(authorizer: any Authorizer) -> API {
        let table = MethodTable(authorizer: authorizer)
        table.add("secrets.get", .get, "/v1/projects/{project}/secrets/{secret}", requires: nil) {
            (input: Echo, _: Caller) -> JSON in
            let name = try input.call.parameter("secret")
            guard name == "known" else { throw GoogleError.notFound("Secret [\(name)] — not found.") }
            return [
                "name": "projects/demo/secrets/known", "createTime": "2026-11-23T04:05:06.789Z",
                "labels": ["stage": "test"], "versionAliases": ["prod": "7"], "ttl": "3.5s", "unheardOf": ["x": 1],
                "replication": ["userManaged": ["replicas": [["location": "a"], ["location": "b"]]]],
            ]
        }
        // `Secret` has a field of text in which to show what came.
        table.add("secrets.create", .post, "/v1/projects/{project}/secrets", requires: nil) {
            (input: Echo, _: Caller) -> JSON in ["name": .string(try input.shown())]
        }
        table.add("secrets.patch", .patch, "/v1/projects/{project}/secrets/{secret}", requires: nil) {
            (input: Echo, _: Caller) -> JSON in ["name": .string(try input.shown())]
        }
        return API(name: "secretmanager", hosts: ["secretmanager.googleapis.com"], table: table)
    }

    struct Echo: MethodInput {
        let resource = ResourceName([])
        let call: Call
        let body: JSON

        init(from call: Call) async throws {
            self.call = call
            body = (try? await call.body()) ?? [:]
        }

        func shown() throws -> String {
            "\(call.context.originalPath) \(String(decoding: try body.data(), as: UTF8.self))"
        }
    }
}

@Suite("gRPC")
struct RemoteProcedureTests {
    private let api = TestAPI(
        [Secrets.api(authorizer: FixedIdentity())],
        authenticator: FixedIdentity()
    )

    /// Calls a procedure of Secret Manager; the answer's trailers are in its headers.
    private func call(
        _ procedure: String,
        of service: String = "google.cloud.secretmanager.v1.SecretManagerService",
        _ message: [UInt8],
        flag: UInt8 = 0
    ) async throws -> TestReply {
        let length = UInt32(message.count)
        let frame = [flag] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + message
        return try await api.send(
            .post,
            "/\(service)/\(procedure)",
            host: "secretmanager.googleapis.com",
            headers: [.contentType: "application/grpc"],
            body: Data(frame)
        )
    }

    private func text(_ number: UInt8, _ value: String) -> [UInt8] {
        [number << 3 | 2, UInt8(value.utf8.count)] + value.utf8
    }

    @Test func `a procedure is answered by the method it stands for`() async throws {
        let reply = try await call("GetSecret", text(1, "projects/demo/secrets/known"))
        #expect(reply.status == 200 && reply.trailer("grpc-status") == "0")
        let replicas = text(1, "a") + [0x0a, 3] + text(1, "b")
        let userManaged: [UInt8] = [0x0a, 3] + replicas
        let labels = text(1, "stage") + text(2, "test")
        var message = text(1, "projects/demo/secrets/known")
        message += [0x12, UInt8(userManaged.count + 2), 0x12, UInt8(userManaged.count)] + userManaged
        // As Google's own library writes 2026-11-23T04:05:06.789Z.
        message += [0x1a, 12, 0x08, 0xf2, 0xf6, 0x8e, 0xd8, 0x06, 0x10, 0xc0, 0xde, 0x9c, 0xf8, 0x02]
        message += [0x22, UInt8(labels.count)] + labels
        message += [0x3a, 8, 0x08, 3, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01]
        message += [0x5a, 8] + text(1, "prod") + [0x10, 7]
        #expect([UInt8](reply.body.dropFirst(5)) == message)
        #expect([UInt8](reply.body.prefix(5)) == [0, 0, 0, 0, UInt8(message.count)])
    }

    @Test func `one field is the body, the others stand in path and query`() async throws {
        let labels = text(1, "a b") + text(2, "ü")
        let expiry: [UInt8] = [0x32, 8, 0x08, 0xf2, 0xf6, 0x8e, 0xd8, 0x06, 0x10, 5]
        let secret = [0x22, UInt8(labels.count)] + labels + expiry
        let message = text(1, "projects/demo") + text(2, "fog & co") + [0x1a, UInt8(secret.count)] + secret
        let reply = try await call("CreateSecret", message)
        let shown = String(decoding: reply.body.dropFirst(7), as: UTF8.self)
        #expect(shown.hasPrefix("/v1/projects/demo/secrets?secretId=fog%20%26%20co {"))
        #expect(
            shown.contains(#""labels":{"a b":"ü"}"#)
                && shown.contains(#""expireTime":"2026-11-23T04:05:06.000000005Z""#)
        )
    }

    @Test func `a mask of fields is written as JSON writes it`() async throws {
        let name = text(1, "projects/demo/secrets/known")
        let mask = text(1, "version_aliases") + text(1, "labels")
        let message = [0x0a, UInt8(name.count)] + name + [0x12, UInt8(mask.count)] + mask
        let reply = try await call("UpdateSecret", message)
        let shown = String(decoding: reply.body.dropFirst(7), as: UTF8.self)
        #expect(shown.hasPrefix("/v1/projects/demo/secrets/known?updateMask=versionAliases%2Clabels {"))
    }

    @Test func `a message that nests without end is refused, and does not end the daemon`() async throws {
        // `Value` in `ListValue` in `Value` …, as the payload of a log entry: each level is a tag and a length.
        var nested: [UInt8] = []
        func varint(_ value: Int) -> [UInt8] {
            value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
        }
        for _ in 0..<5000 {
            nested = [0x0a] + varint(nested.count) + nested
            nested = [0x32] + varint(nested.count) + nested
        }
        let field = text(1, "a") + [0x12] + varint(nested.count) + nested
        let payload = [0x0a] + varint(field.count) + field
        let entry = [0x32] + varint(payload.count) + payload
        let reply = try await call(
            "WriteLogEntries",
            of: "google.logging.v2.LoggingServiceV2",
            [0x22] + varint(entry.count) + entry
        )
        #expect(reply.status == 200 && reply.trailer("grpc-status") == "3")
    }

    @Test func `an error has gRPC's code, and its message in printable ASCII`() async throws {
        let reply = try await call("GetSecret", text(1, "projects/demo/secrets/unknown"))
        #expect(reply.status == 200 && reply.trailer("grpc-status") == "5" && reply.body.isEmpty)
        #expect(reply.trailer("grpc-message") == "Secret [unknown] %E2%80%94 not found.")
    }

    @Test(
        "what cannot be understood is refused",
        arguments: [
            ("GetSecret", [UInt8](repeating: 0xff, count: 12), UInt8(0), "3"),
            ("GetSecret", [0x0a, 200, 65], 0, "3"),
            ("GetSecret", [], 0, "3"),
            ("GetSecret", [0x0a, 1, 65], 0, "3"),
            ("GetSecret", [0x0a, 1, 65], 1, "12"),
            ("NoSuchProcedure", [], 0, "12"),
            ("DeleteSecret", Array("\n\u{1b}projects/demo/secrets/known".utf8), 0, "5"),
        ]
    )
    func refused(procedure: String, message: [UInt8], flag: UInt8, status: String) async throws {
        let reply = try await call(procedure, message, flag: flag)
        #expect(reply.status == 200 && reply.trailer("grpc-status") == status && reply.body.isEmpty)
        #expect(reply.trailer("grpc-message")?.isEmpty == false)
    }
}

extension TestReply {
    fileprivate func trailer(_ name: String) -> String? { HTTPField.Name(name).flatMap { trailers[$0] } }
}
