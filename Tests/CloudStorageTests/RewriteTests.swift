import BrumeTesting
import Foundation
import GoogleAPI
import Testing

@Suite("storage.objects.rewrite")
struct RewriteTests {
    private static let rewrite = "/storage/v1/b/fog/o/a/rewriteTo/b/fog/o/b"
    private static let limited = rewrite + "?maxBytesRewrittenPerCall=1048576"
    /// 2.5 MiB.
    private static let content = String(repeating: "0123456789abcdef", count: 5 << 15)

    @Test func `a limit spreads the rewrite over calls, and only the last one makes the object`() async throws {
        try await withStorage { api, _ in
            try await api.put("a", Self.content)
            var (token, rewritten): (String?, [Int64]) = (nil, [])
            while true {
                #expect(try await api.get("/storage/v1/b/fog/o/b").status == 404)
                let answer = try await api.post(Self.limited + (token.map { "&rewriteToken=\($0)" } ?? "")).json
                rewritten.append(answer["totalBytesRewritten"]?.integer ?? -1)
                #expect(answer["objectSize"]?.integer == Int64(Self.content.utf8.count))
                token = answer["rewriteToken"]?.string
                #expect(answer["done"]?.bool == (token == nil) && (answer["resource"] == nil) == (token != nil))
                if token == nil { break }
            }
            #expect(rewritten == [1 << 20, 2 << 20, 5 << 19])
            #expect(try await api.get("/storage/v1/b/fog/o/b?alt=media").text == Self.content)
        }
    }

    @Test(arguments: ["rewriteTo", "copyTo"])
    func `an object that is copied onto itself keeps its content`(verb: String) async throws {
        try await withStorage { api, _ in
            try await api.put("a", "what stays")
            let path = "/storage/v1/b/fog/o/a/\(verb)/b/fog/o/a"
            #expect(try await api.post(path, json: #"{"storageClass":"NEARLINE"}"#).status == 200)
            #expect(try await api.get("/storage/v1/b/fog/o/a?alt=media").text == "what stays")
            #expect(try await api.get("/storage/v1/b/fog/o/a").json["storageClass"]?.string == "NEARLINE")
        }
    }

    @Test func `a token is good for its own rewrite alone, and not for another generation`() async throws {
        try await withStorage { api, _ in
            try await api.put("a", Self.content)
            try await api.put("c", Self.content)
            let token = try #require(try await api.post(Self.limited).json["rewriteToken"]?.string)
            let others = [
                Self.rewrite + "?maxBytesRewrittenPerCall=2097152&rewriteToken=\(token)",
                Self.rewrite + "?rewriteToken=\(token)",
                Self.limited.replacing("/o/b?", with: "/o/d?") + "&rewriteToken=\(token)",
                Self.limited.replacing("/o/a/", with: "/o/c/") + "&rewriteToken=\(token)",
                Self.limited + "&rewriteToken=\(token.dropLast(4))", Self.limited + "&rewriteToken=x",
            ]
            for target in others {
                let reply = try await api.post(target)
                #expect(reply.status == 400 && reply.message?.contains("rewriteToken") == true, "\(target)")
            }
            try await api.put("a", Self.content)
            #expect(try await api.post(Self.limited + "&rewriteToken=\(token)").status == 400)
            #expect(try await api.names("") == ["a", "c"])
        }
    }

    @Test func `a limit that is no multiple of a MiB, and a rewrite that would fail, are refused at once`() async throws
    {
        try await withStorage { api, _ in
            try await api.put("a", Self.content)
            for limit in ["1000000", "-1048576", "x"] {
                #expect(try await api.post(Self.rewrite + "?maxBytesRewrittenPerCall=\(limit)").status == 400)
            }
            #expect(try await api.post(Self.limited + "&ifGenerationMatch=7").status == 412)
            #expect(try await api.post(Self.limited + "&ifSourceGenerationMatch=7").status == 412)
            #expect(try await api.post(Self.limited.replacing("b/fog/o/b?", with: "b/mist/o/b?")).status == 404)
            #expect(try await api.post(Self.limited.replacing("1048576", with: "3145728")).json["done"]?.bool == true)
        }
    }
}
