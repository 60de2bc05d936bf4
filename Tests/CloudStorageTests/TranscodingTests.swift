import BrumeTesting
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("storage.objects.get: content that is stored as gzip")
struct TranscodingTests {
    /// `printf 'fog ' | gzip -n`
    private static let packed = Data(base64Encoded: "H4sIAAAAAAAAA0vLT1cAAHYmUG0EAAAA") ?? Data()

    private func store(_ api: TestAPI, _ content: Data = packed, cacheControl: String? = nil) async throws {
        var headers: HTTPFields = [.contentType: "text/plain", .contentEncoding: "gzip"]
        headers[.cacheControl] = cacheControl
        #expect(try await api.send(.put, "/fog/a.txt", headers: headers, body: content).status == 200)
    }

    @Test(arguments: [
        "/fog/a.txt", "/download/storage/v1/b/fog/o/a.txt?alt=media", "/storage/v1/b/fog/o/a.txt?alt=media",
    ])
    func `it is sent unpacked to who does not take gzip, and as it is to who does`(target: String) async throws {
        try await withStorage { api, _ in
            try await store(api)
            let plain = try await api.send(.get, target, headers: [.range: "bytes=1-2"])
            #expect(plain.status == 200 && plain.text == "fog ")
            #expect(plain.headers[.contentEncoding] == nil && plain.headers[.contentLength] == nil)
            let warning = try #require(HTTPField.Name("Warning"))
            let stored = try #require(HTTPField.Name("x-goog-stored-content-length"))
            #expect(plain.headers[warning] == "214 UploadServer gunzipped")
            #expect(plain.headers[stored] == String(Self.packed.count))
            for accepted in ["gzip", "deflate, GZIP;q=0.5", "*"] {
                let reply = try await api.send(.get, target, headers: [.acceptEncoding: accepted])
                #expect(reply.body == Self.packed && reply.headers[.contentEncoding] == "gzip")
            }
            #expect(try await api.send(.get, target, headers: [.acceptEncoding: "gzip;q=0"]).text == "fog ")
        }
    }

    @Test func `no-transform keeps it as it is, and what only says that it is gzip comes as it is`() async throws {
        try await withStorage { api, _ in
            try await store(api, cacheControl: "public, no-transform")
            #expect(try await api.get("/fog/a.txt").body == Self.packed)
            try await store(api, Data("plain".utf8))
            #expect(try await api.get("/fog/a.txt").text == "plain")
        }
    }
}
