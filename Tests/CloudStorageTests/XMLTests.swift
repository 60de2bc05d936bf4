import APIServer
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

private func header(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .contentType }

extension String {
    /// The text of the first element of this name.
    fileprivate func element(_ name: String) -> String? {
        guard let start = range(of: "<\(name)>"), let end = range(of: "</\(name)>", range: start.upperBound..<endIndex)
        else { return nil }
        return String(self[start.upperBound..<end.lowerBound])
    }
}

@Suite("storage.xml: what S3 clients ask for")
struct XMLTests {
    @Test func `parts are stored, replaced, listed and joined in order`() async throws {
        try await withStorage { api, _ in
            let id = try #require(try await api.post("/fog/big?uploads").text.element("UploadId"))
            var tags: [Int: String] = [:]
            for (number, text) in [(2, "wrong"), (1, "one-"), (2, "two-"), (9, "nine")] {
                let reply = try await api.send(
                    .put,
                    "/fog/big?partNumber=\(number)&uploadId=\(id)",
                    body: Data(text.utf8)
                )
                tags[number] = reply.headers[.eTag]
            }
            let listed = try await api.get("/fog/big?uploadId=\(id)").text
            #expect(listed.components(separatedBy: "<Part>").count == 4)
            #expect(try await api.get("/fog?uploads").text.element("UploadId") == id)
            func complete(_ numbers: [Int], etag: String? = nil) async throws -> TestReply {
                let parts = numbers.map {
                    "<Part><PartNumber>\($0)</PartNumber><ETag>\(etag ?? tags[$0] ?? "")</ETag></Part>"
                }
                let body = "<CompleteMultipartUpload>\(parts.joined())</CompleteMultipartUpload>"
                return try await api.send(.post, "/fog/big?uploadId=\(id)", body: Data(body.utf8))
            }
            for wrong in [
                try await complete([2, 1]), try await complete([3]), try await complete([1], etag: "x"),
                try await complete([]),
            ] {
                #expect(wrong.status == 400 && wrong.text.element("Code") == "InvalidPart", "\(wrong.text)")
            }
            #expect(try await api.get("/fog/big").status == 404)
            #expect(try await complete([1, 2, 9]).status == 200)
            #expect(try await api.get("/fog/big").text == "one-two-nine")
            #expect(try await complete([1, 2, 9]).text.element("Code") == "NoSuchUpload")
        }
    }

    @Test func `the checksums of a joined upload are compared with its parts and with the whole`() async throws {
        try await withStorage { api, _ in
            let id = try #require(try await api.post("/fog/big?uploads").text.element("UploadId"))
            let target = "/fog/big?partNumber=1&uploadId=\(id)"
            let tag = try await api.send(.put, target, body: Data("hello world".utf8)).headers[.eTag] ?? ""
            func complete(part: String, whole: String) async throws -> TestReply {
                let body = """
                    <CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\(tag)</ETag>
                    <ChecksumCRC32C>\(part)</ChecksumCRC32C></Part></CompleteMultipartUpload>
                    """
                let fields: HTTPFields = [header("x-amz-checksum-crc32c"): whole]
                return try await api.send(.post, "/fog/big?uploadId=\(id)", headers: fields, body: Data(body.utf8))
            }
            for (part, whole) in [("AAAAAA==", "yZRlqg=="), ("yZRlqg==", "AAAAAA==")] {
                let refused = try await complete(part: part, whole: whole)
                #expect(refused.status == 400 && refused.text.element("Code") == "BadDigest", "\(refused.text)")
                #expect(try await api.get("/fog/big").status == 404)
            }
            #expect(try await complete(part: "yZRlqg==", whole: "yZRlqg==").status == 200)
            #expect(try await api.get("/fog/big").text == "hello world")
        }
    }

    @Test func `an aborted upload leaves nothing`() async throws {
        try await withScratchFolder { folder in
            let machine = try RestartableStorage(folder: folder)
            let (api, _) = try machine.start()
            #expect(try await api.post("/storage/v1/b?project=demo", json: #"{"name":"fog"}"#).status == 200)
            let id = try #require(try await api.post("/fog/big?uploads").text.element("UploadId"))
            let part = "/fog/big?partNumber=1&uploadId=\(id)"
            #expect(try await api.send(.put, part, body: Data("x".utf8)).status == 200)
            #expect(try await api.delete("/fog/big?uploadId=\(id)").status == 204)
            #expect(try machine.files.isEmpty)
            #expect(try await api.send(.put, part, body: Data("x".utf8)).status == 404)
            #expect(try machine.files.isEmpty)
        }
    }

    @Test func `a body in pieces is put together, and a broken one is refused`() async throws {
        try await withStorage { api, _ in
            let fields: HTTPFields = [header("x-amz-content-sha256"): "STREAMING-UNSIGNED-PAYLOAD-TRAILER"]
            let body = "5\r\nhello\r\n6;chunk-signature=ab\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"
            #expect(try await api.send(.put, "/fog/a", headers: fields, body: Data(body.utf8)).status == 200)
            #expect(try await api.get("/fog/a").text == "hello world")
            for broken in ["5\r\nhel", "zz\r\nhello\r\n0\r\n\r\n", "hello"] {
                let reply = try await api.send(.put, "/fog/b", headers: fields, body: Data(broken.utf8))
                #expect(reply.status == 400, "\(broken)")
            }
            #expect(try await api.get("/fog/b").status == 404)
        }
    }

    /// Of `hello world`.
    private static let checksums = [
        "crc32": "DUoRhQ==", "crc32c": "yZRlqg==", "crc64nvme": "jSnVw/bqjr4=",
        "sha1": "Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha256": "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
    ]

    @Test(arguments: checksums.keys.sorted(), ["/fog/a", "part"])
    func `a checksum of S3's clients is compared with the bytes, before them or after`(kind: String, target: String)
        async throws
    {
        try await withScratchFolder { folder in
            let machine = try RestartableStorage(folder: folder)
            let (api, _) = try machine.start()
            #expect(try await api.post("/storage/v1/b?project=demo", json: #"{"name":"fog"}"#).status == 200)
            let id = try #require(try await api.post("/fog/big?uploads").text.element("UploadId"))
            let target = target == "part" ? "/fog/big?partNumber=1&uploadId=\(id)" : target
            let right = try #require(Self.checksums[kind])
            let wrong = try #require(Self.checksums[kind]?.replacing(/^./, with: "A"))
            let name = "x-amz-checksum-\(kind)"
            func put(_ value: String, inTrailer: Bool) async throws -> TestReply {
                guard inTrailer else {
                    let fields: HTTPFields = [header(name): value]
                    return try await api.send(.put, target, headers: fields, body: Data("hello world".utf8))
                }
                let fields: HTTPFields = [
                    header("x-amz-content-sha256"): "STREAMING-UNSIGNED-PAYLOAD-TRAILER", header("x-amz-trailer"): name,
                ]
                let trailer = value.isEmpty ? "" : "\(name):\(value)\r\n"
                let body = "5\r\nhello\r\n6\r\n world\r\n0\r\n\(trailer)\r\n"
                return try await api.send(.put, target, headers: fields, body: Data(body.utf8))
            }
            for inTrailer in [false, true] {
                let reply = try await put(wrong, inTrailer: inTrailer)
                #expect(reply.status == 400 && reply.text.element("Code") == "BadDigest", "\(reply.text)")
            }
            #expect(try await put("", inTrailer: true).status == 400)
            #expect(try machine.files.isEmpty)
            #expect(try await put(right, inTrailer: false).status == 200)
            #expect(try await put(right, inTrailer: true).status == 200)
        }
    }

    @Test(arguments: ["x-amz-content-sha256", "x-goog-content-sha256"])
    func `a body that is not what its hash says is refused`(name: String) async throws {
        try await withStorage { api, _ in
            let wrong = String(repeating: "0", count: 64)
            let fields: HTTPFields = [header(name): wrong]
            let reply = try await api.send(.put, "/fog/a", headers: fields, body: Data("x".utf8))
            #expect(reply.status == 400 && reply.text.element("Code") == "BadDigest", "\(reply.text)")
        }
    }

    @Test func `a listing is read to its end, page by page`() async throws {
        try await withStorage { api, _ in
            for name in ["a", "b%2F1", "b%2F2", "c"] { try await api.put(name, "x") }
            var found: [String] = []
            var token: String?
            repeat {
                let next = token.map { "&continuation-token=\($0)" } ?? ""
                let page = try await api.get("/fog?list-type=2&max-keys=1&delimiter=%2F\(next)").text
                found += [
                    page.element("Key"), page.components(separatedBy: "<CommonPrefixes>").last?.element("Prefix"),
                ]
                .compactMap { $0 }.filter { !$0.isEmpty }
                token = page.element("NextContinuationToken")
            } while token != nil && found.count < 9
            #expect(found == ["a", "b/", "c"])
            var marker = ""
            var keys: [String] = []
            repeat {
                let page = try await api.get("/fog?max-keys=1&delimiter=%2F&marker=\(marker)").text
                keys += [page.element("Key"), page.components(separatedBy: "<CommonPrefixes>").last?.element("Prefix")]
                    .compactMap { $0 }.filter { !$0.isEmpty }
                marker = page.element("NextMarker") ?? ""
            } while !marker.isEmpty && keys.count < 9
            #expect(keys == ["a", "b/", "c"])
        }
    }

    @Test func `a copy keeps or replaces what is said of the content`() async throws {
        try await withStorage { api, _ in
            let own: HTTPFields = [header("x-goog-meta-colour"): "red", .contentType: "text/plain"]
            #expect(try await api.send(.put, "/fog/a", headers: own, body: Data("x".utf8)).status == 200)
            let source = (header("x-amz-copy-source"), "fog/a")
            let copy = try await api.send(.put, "/fog/b", headers: [source.0: source.1])
            #expect(copy.status == 200 && copy.text.element("ETag") != nil)
            #expect(try await api.get("/fog/b").headers[header("x-goog-meta-colour")] == "red")
            let replacing: HTTPFields = [
                source.0: source.1, header("x-amz-metadata-directive"): "REPLACE", header("x-amz-meta-size"): "big",
            ]
            #expect(try await api.send(.put, "/fog/c", headers: replacing).status == 200)
            let replaced = try await api.get("/fog/c")
            #expect(replaced.headers[header("x-goog-meta-colour")] == nil)
            #expect(replaced.headers[header("x-goog-meta-size")] == "big" && replaced.text == "x")
        }
    }

    @Test func `a body that is no XML is refused`() async throws {
        try await withStorage { api, _ in
            let deep = String(repeating: "<a>", count: 40) + String(repeating: "</a>", count: 40)
            for body in [
                "", "<Delete>", "{}", deep, "<a></b>", "<a>&what;</a>", "<a/><b/>", "<a b=c/>", "<a><![CDATA[x</a>",
                "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a>\u{0}</a", "< a/>",
            ] {
                let reply = try await api.send(.post, "/fog?delete", body: Data(body.utf8))
                #expect(reply.status == 400 && reply.text.element("Code") == "MalformedXML", "\(body)")
            }
        }
    }

    @Test func `names are read however XML spells them`() async throws {
        try await withStorage { api, _ in
            for name in ["a%26b%3C", "%C3%BC", "plain"] { try await api.put(name, "x") }
            let body = """
                <?xml version="1.0" encoding="UTF-8"?><!-- three -->
                <s3:Delete xmlns:s3='http://x/'><s3:Quiet>false</s3:Quiet>
                <Object><Key>a&amp;b&lt;</Key></Object><Object><Key>&#xFC;</Key></Object>
                <Object id="1"><Key><![CDATA[plain]]></Key></Object></s3:Delete>
                """
            let reply = try await api.send(.post, "/fog?delete", body: Data(body.utf8))
            #expect(reply.status == 200 && reply.text.components(separatedBy: "<Deleted>").count == 4, "\(reply.text)")
            #expect(try await api.get("/storage/v1/b/fog/o").json["items"] == nil)
        }
    }
}
