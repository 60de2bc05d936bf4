import APIServer
import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("batches")
struct BatchTests {
    /// As gcloud writes it: bare line feeds, a quoted boundary, no credentials in the parts.
    private static let body = """
        --==B==
        Content-Type: application/http
        MIME-Version: 1.0
        Content-Transfer-Encoding: binary
        Content-ID: <8f+0>

        POST /fog/v1/banks/north?alt=json HTTP/1.1
        Content-Type: application/json
        content-length: 13
        Host: 127.0.0.1:1

        {"density":3}
        --==B==
        Content-Type: application/http
        Content-ID: <8f+1>

        POST /fog/v1/banks/south:lift HTTP/1.1
        content-length: 0
        Host: 127.0.0.1:1


        --==B==
        Content-Type: application/http
        Content-ID: <8f+2>

        POST http://127.0.0.1:4600/fog/v1/banks/west HTTP/1.1

        {"density":5}
        --==B==--

        """

    private func send(
        _ body: String,
        contentType: String = #"multipart/mixed; boundary="==B==""#,
        to cloud: TestAPI = WayOfACallTests.cloud(),
        path: String = "/batch/fog/v1"
    ) async throws -> TestReply {
        try await cloud.send(.post, path, headers: [.contentType: contentType], body: Data(body.utf8))
    }

    @Test func `each call is answered in its own part, a failing one beside the others`() async throws {
        let reply = try await send(Self.body)
        #expect(reply.status == 200)
        #expect(reply.headers[.contentType] == "multipart/mixed; boundary=batch_test")
        let parts = reply.text.components(separatedBy: "--batch_test\r\n").dropFirst()
        let answers = parts.map { $0.components(separatedBy: "\r\n\r\n") }
        #expect(answers.count == 3)
        #expect(answers.map { $0[0] }.allSatisfy { $0.contains("Content-Type: application/http") })
        #expect(answers[0][0].contains("Content-ID: <response-8f+0>"))
        #expect(answers[0][1].hasPrefix("HTTP/1.1 200 OK\r\n") && answers[0][2].contains(#""density":3"#))
        #expect(answers[1][0].contains("<response-8f+1>") && answers[1][1].hasPrefix("HTTP/1.1 501 "))
        #expect(answers[2][0].contains("<response-8f+2>") && answers[2][2].contains(#""density":5"#))
        #expect(reply.text.hasSuffix("\r\n--batch_test--\r\n"))
    }

    @Test func `line ends with carriage returns and a bare boundary are as good`() async throws {
        let reply = try await send(
            Self.body.replacing("\n", with: "\r\n"),
            contentType: "multipart/mixed; boundary===B=="
        )
        #expect(reply.text.contains(#""density":3"#) && reply.text.contains(#""density":5"#))
    }

    @Test func `a boundary in single quotes is as good`() async throws {
        let reply = try await send(Self.body, contentType: "multipart/mixed; boundary='==B=='")
        #expect(reply.text.contains(#""density":3"#) && reply.text.contains(#""density":5"#))
    }

    @Test func `the credentials of the batch are those of its calls, unless a call has its own`() async throws {
        struct Bearer: Authenticator {
            func identity(of call: Call) async throws -> Caller.Identity {
                call.headers[.authorization].map { .account($0) } ?? .anonymous
            }
        }
        struct NameInput: MethodInput {
            var resource: ResourceName
            init(from call: Call) async throws { resource = .project("demo") }
        }
        let table = MethodTable(authorizer: FixedIdentity())
        table.add("fog.whoami", .get, "/v1/me", requires: nil) { (_: NameInput, caller: Caller) -> JSON in
            .string(caller.email ?? "nobody")
        }
        let cloud = TestAPI(
            [API(name: "fog", hosts: ["fog.googleapis.com"], prefix: "/fog", table: table)],
            authenticator: Bearer()
        )
        let body = """
            --b
            Content-Type: application/http

            GET /fog/v1/me HTTP/1.1

            --b
            Content-Type: application/http

            GET /fog/v1/me HTTP/1.1
            Authorization: Bearer inner

            --b--
            """
        let reply = try await cloud.send(
            .post,
            "/batch",
            headers: [.contentType: "multipart/mixed; boundary=b", .authorization: "Bearer outer"],
            body: Data(body.utf8)
        )
        let outer = try #require(reply.text.range(of: "Bearer outer"))
        let inner = try #require(reply.text.range(of: "Bearer inner"))
        #expect(outer.lowerBound < inner.lowerBound)
    }

    @Test func `a batch in a batch is no call`() async throws {
        let reply = try await send(
            "--==B==\n\nPOST /batch HTTP/1.1\nContent-Type: multipart/mixed; boundary=x\n\n--==B==--"
        )
        #expect(reply.status == 200 && reply.text.contains("HTTP/1.1 404 "))
    }

    @Test(arguments: [
        ("multipart/mixed", "--x\n\nGET / HTTP/1.1\n\n--x--"), ("multipart/mixed; boundary=x", "nothing"),
        ("multipart/mixed; boundary=x", "--x\n\nnonsense\n\n--x--"),
    ])
    func `what is no batch answers 400`(contentType: String, body: String) async throws {
        let reply = try await send(body, contentType: contentType)
        #expect(reply.status == 400 && reply.reason == "badRequest")
    }

    @Test func `more calls than Google takes answer 400`() async throws {
        let call = "--x\n\nGET /fog/v1/banks/a HTTP/1.1\n\n"
        let reply = try await send(
            String(repeating: call, count: 1001) + "--x--",
            contentType: "multipart/mixed; boundary=x"
        )
        #expect(reply.status == 400 && (reply.message ?? "").contains("1000"))
    }
}
