import BrumeTesting
import Gateway
import Hummingbird
import HummingbirdCore
import NIOCore
import Testing

@Suite("gateway: other hosts", .timeLimit(.minutes(1)))
struct TunnelTests {
    @Test func `CONNECT elsewhere relays bytes, and the end of one direction leaves the other open`() async throws {
        try await TestGateway.run { gateway in
            try await TestGateway.withEcho { echo in
                let wire = try await Wire.open(port: gateway.port)
                try await wire.send("CONNECT 127.0.0.1:\(echo) HTTP/1.1\r\nHost: 127.0.0.1:\(echo)\r\n\r\n")
                #expect(try await wire.read(until: "\r\n\r\n") == "HTTP/1.1 200 Connection established\r\n\r\n")
                try await wire.send("hello.")
                #expect(try await wire.read(until: ".") == "hello.")
                try await wire.channel.close(mode: .output)
                #expect(try await wire.read(until: "bye") == "bye")
                await wire.close()
            }
        }
    }

    @Test func `megabytes pass a tunnel unharmed`() async throws {
        try await TestGateway.run { gateway in
            try await TestGateway.withEcho { echo in
                let wire = try await Wire.open(port: gateway.port)
                try await wire.send("CONNECT 127.0.0.1:\(echo) HTTP/1.1\r\n\r\n")
                _ = try await wire.read(until: "\r\n\r\n")
                let bytes = (0..<8 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                async let sent: Void = wire.send(bytes)
                #expect(try await wire.read(count: bytes.count) == bytes)
                try await sent
                await wire.close()
            }
        }
    }

    @Test func `a client that may not pass gets 403 in words`() async throws {
        try await TestGateway.run(mayPass: { _ in false }) { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.send("CONNECT example.com:443 HTTP/1.1\r\n\r\n")
            let answer = try await wire.read(until: "only.\n")
            #expect(answer.hasPrefix("HTTP/1.1 403 ") && answer.contains("example.com:443"))
            await wire.close()
        }
    }

    @Test func `a client that may not pass still reaches Google's names`() async throws {
        try await TestGateway.run(mayPass: { _ in false }) { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.send("CONNECT gcr.io:443 HTTP/1.1\r\n\r\n")
            #expect(try await wire.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
            await wire.close()
        }
    }

    @Test func `a host that cannot be reached is 502 in words`() async throws {
        try await TestGateway.run { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.send("CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n")
            #expect(try await wire.read(until: "\n\n").hasPrefix("HTTP/1.1 502 "))
            await wire.close()
        }
    }

    @Test(arguments: [
        "CONNECT gcr.io HTTP/1.1", "CONNECT gcr.io:0 HTTP/1.1", "CONNECT gcr.io:443", "CONNECT  HTTP/1.1",
    ])
    func `a CONNECT without host and port is 400`(line: String) async throws {
        try await TestGateway.run { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.send("\(line)\r\n\r\n")
            #expect(try await wire.read(until: "\n\n").hasPrefix("HTTP/1.1 400 "))
            await wire.close()
        }
    }

    @Test func `requests in absolute form for Google's names and for the gateway itself stay here`() async throws {
        try await TestGateway.run { gateway in
            for host in ["storage.googleapis.com", "127.0.0.1:\(gateway.port)"] {
                let wire = try await Wire.open(port: gateway.port)
                try await wire.send("GET http://\(host)/x HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                #expect(try await wire.read(until: "bytes.").contains("GET http \(host) /x"))
                await wire.close()
            }
        }
    }

    @Test func `requests in absolute form for other hosts are passed on, several on one connection`() async throws {
        let router = Router()
        router.post("pool/{name}") { request, context in
            let body = try await request.body.collect(upTo: 100)
            return "\(request.head.path ?? "") of \(request.head.authority ?? "") took \(String(buffer: body))!"
        }
        try await TestGateway.serve(.http1(), router) { other in
            try await TestGateway.run { gateway in
                let wire = try await Wire.open(port: gateway.port)
                for name in ["a", "b"] {
                    try await wire.send(
                        "POST http://127.0.0.1:\(other)/pool/\(name)?x=1 HTTP/1.1\r\nHost: 127.0.0.1:\(other)\r\n"
                            + "Proxy-Connection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"
                    )
                    #expect(
                        try await wire.read(until: "!").contains("/pool/\(name)?x=1 of 127.0.0.1:\(other) took hi!")
                    )
                }
                await wire.close()
            }
        }
    }

    @Test func `requests in absolute form obey the same policy`() async throws {
        try await TestGateway.run(mayPass: { _ in false }) { gateway in
            let wire = try await Wire.open(port: gateway.port)
            try await wire.send("GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
            #expect(try await wire.read(until: "only.\n").hasPrefix("HTTP/1.1 403 "))
            await wire.close()
        }
    }
}
