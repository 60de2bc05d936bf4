import BrumeTesting
import Gateway
import Hummingbird
import Testing

@Suite("gateway", .timeLimit(.minutes(1)))
struct GatewayTests {
    @Test func `plain HTTP reaches the responder with its host and the scheme http`() async throws {
        try await TestGateway.run { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.send("GET /storage/v1/b HTTP/1.1\r\nHost: localhost:4600\r\n\r\n")
            #expect(try await wire.read(until: "bytes.").hasSuffix("GET http localhost:4600 /storage/v1/b 0 bytes."))
            await wire.close()
        }
    }

    @Test(arguments: ["storage.googleapis.com", "europe-west1-aiplatform.googleapis.com", "gcr.io", "eu.gcr.io"])
    func `TLS is answered with a leaf for the name that the client asks for`(name: String) async throws {
        try await TestGateway.run { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.startTLS(name: name, authority: gateway.authority.pem)
            try await wire.send("GET /x HTTP/1.1\r\nHost: \(name)\r\n\r\n")
            #expect(try await wire.read(until: "bytes.").hasSuffix("GET https \(name) /x 0 bytes."))
            await wire.close()
        }
    }

    @Test func `names of others get no certificate`() async throws {
        try await TestGateway.run { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.startTLS(name: "example.com", authority: gateway.authority.pem)
            try? await wire.send("GET /x HTTP/1.1\r\nHost: example.com\r\n\r\n")
            #expect(try await !wire.read(until: "bytes.").contains("GET"))
            await wire.close()
        }
    }

    @Test func `CONNECT to a name of Google's is answered, and TLS follows`() async throws {
        try await TestGateway.run { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.send("CONNECT oauth2.googleapis.com:443 HTTP/1.1\r\nHost: oauth2.googleapis.com:443\r\n\r\n")
            #expect(try await wire.read(until: "\r\n\r\n") == "HTTP/1.1 200 Connection established\r\n\r\n")
            try await wire.startTLS(name: "oauth2.googleapis.com", authority: gateway.authority.pem)
            try await wire.send("POST /token HTTP/1.1\r\nHost: oauth2.googleapis.com\r\nContent-Length: 3\r\n\r\nabc")
            #expect(try await wire.read(until: "bytes.").hasSuffix("POST https oauth2.googleapis.com /token 3 bytes."))
            await wire.close()
        }
    }

    @Test func `a client that expects 100-continue gets it before it sends its body`() async throws {
        try await TestGateway.run { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.send("POST /x HTTP/1.1\r\nHost: gcr.io\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            #expect(try await wire.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100 Continue"))
            try await wire.send("abc")
            #expect(try await wire.read(until: "bytes.").hasSuffix("3 bytes."))
            await wire.close()
        }
    }

    @Test func `HTTP/2 is spoken when ALPN agrees on it`() async throws {
        try await TestGateway.run { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.startTLS(name: "gcr.io", authority: gateway.authority.pem, protocols: ["h2"])
            try await wire.send(HTTP2.request(authority: "gcr.io"))
            #expect(try await HTTP2.answer(wire).contains("GET https gcr.io /x 0 bytes."))
            await wire.close()
        }
    }

    @Test func `HTTP/2 is spoken without TLS to clients that begin with its preface`() async throws {
        try await TestGateway.run { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.send(HTTP2.request(authority: "localhost"))
            #expect(try await HTTP2.answer(wire).contains("GET http localhost /x 0 bytes."))
            await wire.close()
        }
    }
}

/// As much HTTP/2 as one request needs.
enum HTTP2 {
    /// The preface, empty settings and `GET /x`.
    static func request(authority: String) -> [UInt8] {
        let headers: [UInt8] = [0x82, 0x87, 0x04, 2, 0x2F, 0x78, 0x41, UInt8(authority.utf8.count)] + authority.utf8
        return Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
            + [0, 0, UInt8(headers.count), 1, 5, 0, 0, 0, 1] + headers
    }

    static func answer(_ wire: Wire) async throws -> String { try await wire.read(until: "bytes.") }
}
