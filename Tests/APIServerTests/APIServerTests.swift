import APIServer
import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("the way of a call")
struct WayOfACallTests {
    struct EchoInput: MethodInput {
        var resource: ResourceName
        var name: String
        var body: Fog

        init(from call: Call) async throws {
            name = try call.parameter("name")
            resource = .project("demo")
            body = try await call.body()
        }
    }

    struct Fog: Codable, Sendable { var density: Int? }

    struct Refusing: Authorizer {
        func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
            throw GoogleError.forbidden("\(caller.email ?? "nobody") lacks \(permission) on \(resource)")
        }
    }

    static func cloud(
        authorizer: any Authorizer = FixedIdentity(),
        errors: ErrorStyle = .errors,
        perform: @escaping @Sendable (EchoInput, Caller) async throws -> JSON = { input, caller in
            [
                "name": .string(input.name), "density": .integer(Int64(input.body.density ?? 0)),
                "origin": .string(caller.origin),
            ]
        }
    ) -> TestAPI {
        let table = MethodTable(authorizer: authorizer)
        table.add("fog.banks.insert", .post, "/v1/banks/{name}", requires: "fog.banks.create", perform)
        table.lacks("fog.banks.lift", .post, "/v1/banks/{name}:lift")
        return TestAPI([
            API(
                name: "fog",
                hosts: ["fog.googleapis.com"],
                prefix: "/fog",
                aliases: ["/v1beta1/": "/v1/"],
                errors: errors,
                table: table
            )
        ])
    }

    @Test func `a path variable is decoded once`() async throws {
        let reply = try await Self.cloud().post("/fog/v1/banks/a%2Fb%2520c", json: #"{"density": 3}"#)
        #expect(reply.json["name"] == "a/b%20c" && reply.json["density"] == 3)
    }

    @Test(arguments: ["", "null", "{}"])
    func `an empty body counts as an empty object`(body: String) async throws {
        #expect(try await Self.cloud().post("/fog/v1/banks/x", json: body).status == 200)
    }

    @Test func `an API answers on its own host without a prefix`() async throws {
        let reply = try await Self.cloud().send(.post, "/v1/banks/x", host: "fog.googleapis.com:443")
        #expect(reply.json["origin"] == "http://fog.googleapis.com:443")
    }

    @Test func `an alias is served as what it stands for`() async throws {
        #expect(try await Self.cloud().post("/fog/v1beta1/banks/x").status == 200)
    }

    @Test func `a target in absolute form is served`() async throws {
        let reply = try await Self.cloud().send(.post, "http://127.0.0.1:4600/fog/v1/banks/x", host: "elsewhere")
        #expect(reply.status == 200)
    }

    @Test func `a wrong field is named with 400`() async throws {
        let reply = try await Self.cloud().post("/fog/v1/banks/x", json: #"{"density": "thick"}"#)
        #expect(reply.status == 400 && reply.reason == "parseError")
        #expect(reply.message?.contains("density") == true)
    }

    @Test func `malformed JSON is 400`() async throws {
        #expect(try await Self.cloud().post("/fog/v1/banks/x", json: "{").status == 400)
    }

    @Test func `a lacking method answers 501 with its name`() async throws {
        let reply = try await Self.cloud().post("/fog/v1/banks/x:lift")
        #expect(reply.status == 501 && reply.message?.contains("fog.banks.lift") == true)
    }

    @Test func `a caller without the permission gets 403 and nothing is done`() async throws {
        let reply = try await Self.cloud(
            authorizer: Refusing(),
            perform: { _, _ in
                Issue.record("the method ran")
                return [:]
            }
        ).post("/fog/v1/banks/x")
        #expect(reply.status == 403 && reply.message?.contains("fog.banks.create") == true)
    }

    @Test func `an unexpected error is 500 and tells the client nothing`() async throws {
        struct Secret: Error { let password = "hunter2" }
        let reply = try await Self.cloud(perform: { _, _ in throw Secret() }).post("/fog/v1/banks/x")
        #expect(reply.status == 500 && !reply.text.contains("hunter2"))
    }

    @Test func `an unknown path of an API has the API's form`() async throws {
        let reply = try await Self.cloud().get("/fog/v1/nothing")
        #expect(reply.status == 404 && reply.reason == "notFound", "\(reply.text) \(reply.headers)")
    }

    @Test func `the details form carries status and ErrorInfo`() async throws {
        let reply = try await Self.cloud(errors: .details).post("/fog/v1/banks/x", json: "{")
        #expect(reply.json["error"]?["status"] == "INVALID_ARGUMENT" && reply.reason == "parseError")
    }

    @Test func `fields keeps only what is asked for`() async throws {
        let reply = try await Self.cloud().post("/fog/v1/banks/x?fields=name")
        #expect(reply.json == ["name": "x"])
    }

    @Test func `a foreign host is served by nobody`() async throws {
        #expect(try await Self.cloud().send(.post, "/fog/v1/banks/x", host: "evil.example").status == 404)
    }
}
