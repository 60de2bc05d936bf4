import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

private func header(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .accept }

@Suite("storage.objects.insert, resumable")
struct ResumableTests {
    private let quantum = 256 << 10

    private func start(_ api: TestAPI, _ name: String = "r", query: String = "") async throws -> String {
        let reply = try await api.post(
            "/resumable/upload/storage/v1/b/fog/o?uploadType=resumable&name=\(name)\(query)",
            json: "{}"
        )
        let location = reply.headers[.location] ?? ""
        return String(location.dropFirst("http://127.0.0.1:4600".count))
    }

    private func send(_ api: TestAPI, _ path: String, _ range: String, _ body: Data = Data(), no308: Bool = false)
        async throws
        -> TestReply
    {
        var headers: HTTPFields = [header("Content-Range"): range]
        if no308 { headers[header("X-GUploader-No-308")] = "yes" }
        return try await api.send(.put, path, headers: headers, body: body)
    }

    @Test func `chunks are acknowledged in quanta, asked for, repeated and finished`() async throws {
        try await withStorage { api, _ in
            let content = Data((0..<(2 * quantum + 100)).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let path = try await start(api)
            #expect(try await send(api, path, "bytes */*").status == 308)
            let first = try await send(api, path, "bytes 0-\(quantum + 9)/*", content.prefix(quantum + 10))
            #expect(first.status == 308 && first.headers[.range] == "bytes=0-\(quantum - 1)")
            let asked = try await send(api, path, "bytes */*", no308: true)
            #expect(asked.status == 200 && asked.headers[header("X-HTTP-Status-Code-Override")] == "308")
            let gap = try await send(api, path, "bytes \(quantum + 10)-\(quantum + 20)/*", Data(count: 11))
            #expect(gap.status == 400)
            let last = try await send(
                api,
                path,
                "bytes 1000-\(content.count - 1)/\(content.count)",
                content.dropFirst(1000)
            )
            #expect(last.status == 200 && last.json["size"]?.string == "\(content.count)")
            #expect(try await api.get("/storage/v1/b/fog/o/r?alt=media").body == content)
            #expect(try await send(api, path, "bytes */*").json["name"]?.string == "r")
        }
    }

    @Test func `an empty object is finished by a question with its size`() async throws {
        try await withStorage { api, _ in
            let reply = try await send(api, try await start(api), "bytes */0")
            #expect(reply.status == 200 && reply.json["size"]?.string == "0")
        }
    }

    @Test(arguments: ["bytes 5-1/*", "bytes 0-9/5", "lines 0-1/2", "bytes a-b/*"])
    func `a range that makes no sense answers 400`(range: String) async throws {
        try await withStorage { api, _ in
            let path = try await start(api)
            let reply = try await send(api, path, range, Data(count: 5))
            #expect(reply.status == 400)
        }
    }

    @Test func `a body that is shorter or longer than its range answers 400, and the session goes on`() async throws {
        try await withStorage { api, _ in
            let path = try await start(api)
            #expect(try await send(api, path, "bytes 0-9/10", Data(count: 5)).status == 400)
            #expect(try await send(api, path, "bytes 0-9/10", Data(count: 15)).status == 400)
            #expect(try await send(api, path, "bytes 0-9/10", Data(count: 10)).status == 200)
        }
    }

    @Test func `a cancelled or unknown session answers 499, then 404`() async throws {
        try await withStorage { api, _ in
            let path = try await start(api)
            #expect(try await api.delete(path).status == 499)
            #expect(try await send(api, path, "bytes */*").status == 404)
        }
    }
}
