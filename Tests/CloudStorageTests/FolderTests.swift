import APIServer
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

/// A storage service with the bucket `tree`, whose folders are resources.
private func withTree(_ body: (TestAPI) async throws -> Void) async throws {
    try await withStorage { api, _ in
        let made = try await api.post(
            "/storage/v1/b?project=demo",
            json: """
                {"name":"tree","hierarchicalNamespace":{"enabled":true},
                 "iamConfiguration":{"uniformBucketLevelAccess":{"enabled":true}}}
                """
        )
        #expect(made.status == 200, "\(made.text)")
        try await body(api)
    }
}

extension TestAPI {
    fileprivate func upload(_ name: String) async throws {
        let target = "/upload/storage/v1/b/tree/o?uploadType=media&name=\(name)"
        #expect(try await send(.post, target, body: Data(name.utf8)).status == 200)
    }

    fileprivate func folders(_ query: String = "") async throws -> [String] {
        try await get("/storage/v1/b/tree/folders?" + query).json["items"]?.array?.compactMap { $0["name"]?.string }
            ?? []
    }

    fileprivate func objects(_ query: String = "") async throws -> [String] {
        try await get("/storage/v1/b/tree/o?" + query).json["items"]?.array?.compactMap { $0["name"]?.string } ?? []
    }
}

@Suite("storage.folders")
struct FolderTests {
    @Test func `folders are made with their objects or by themselves, and listed by level`() async throws {
        try await withTree { api in
            try await api.upload("a/b/c.txt")
            #expect(try await api.folders() == ["a/", "a/b/"])
            #expect(try await api.post("/storage/v1/b/tree/folders", json: #"{"name":"x/y/"}"#).status == 404)
            let deep = "/storage/v1/b/tree/folders?recursive=true"
            #expect(try await api.post(deep, json: #"{"name":"x/y/"}"#).json["name"]?.string == "x/y/")
            #expect(try await api.post(deep, json: #"{"name":"x/y/"}"#).status == 409)
            #expect(try await api.folders("delimiter=/") == ["a/", "x/"])
            #expect(try await api.folders("delimiter=/&prefix=x/") == ["x/", "x/y/"])
            #expect(try await api.folders("pageSize=2&pageToken=x/") == ["x/", "x/y/"])
            #expect(
                try await api.get("/storage/v1/b/tree/storageLayout").json["hierarchicalNamespace"]?["enabled"] == true
            )
        }
    }

    @Test func `empty folders are shown among the prefixes, page by page`() async throws {
        try await withTree { api in
            for name in ["b/1", "d", "e/1"] { try await api.upload(name) }
            for name in ["a/", "c/", "f/"] {
                #expect(try await api.post("/storage/v1/b/tree/folders", json: #"{"name":"\#(name)"}"#).status == 200)
            }
            var found: [String] = []
            var token = ""
            repeat {
                let page = try await api.get(
                    "/storage/v1/b/tree/o?delimiter=/&includeFoldersAsPrefixes=True&maxResults=2&pageToken=\(token)"
                ).json
                let names = (page["items"]?.array ?? []).compactMap { $0["name"]?.string }
                let prefixes = (page["prefixes"]?.array ?? []).compactMap(\.string)
                #expect(names.count + prefixes.count <= 2)
                found += (names + prefixes).sorted()
                token = page["nextPageToken"]?.string ?? ""
            } while !token.isEmpty
            #expect(found == ["a/", "b/", "c/", "d", "e/", "f/"])
            #expect(try await api.get("/storage/v1/b/tree/o?delimiter=/").json["prefixes"]?.array?.count == 2)
        }
    }

    @Test func `a folder is renamed with all that is in it, at once`() async throws {
        try await withTree { api in
            for name in ["a/1", "a/b/2", "ab/3", "z/4"] { try await api.upload(name) }
            let before = try await api.get("/storage/v1/b/tree/o/a%2F1").json["generation"]
            let rename = "/storage/v1/b/tree/folders/a%2F/renameTo/folders/"
            #expect(try await api.post(rename + "z%2F").status == 409)
            #expect(try await api.post(rename + "a%2Fc%2F").status == 400)
            #expect(try await api.post(rename + "no%2Fc%2F").status == 404)
            let done = try await api.post(rename + "z%2Fnew%2F").json
            #expect(done["done"] == true && done["response"]?["name"]?.string == "z/new/")
            #expect(try await api.objects() == ["ab/3", "z/4", "z/new/1", "z/new/b/2"])
            #expect(try await api.folders() == ["ab/", "z/", "z/new/", "z/new/b/"])
            #expect(try await api.get("/storage/v1/b/tree/o/z%2Fnew%2F1").json["generation"] == before)
            #expect(try await api.get("/tree/z/new/b/2").text == "a/b/2")
            #expect(try await api.get("/storage/v1/b/tree/o/a%2F1").status == 404)
            let id = try #require(done["name"]?.string?.split(separator: "/").last)
            #expect(try await api.get("/storage/v1/b/tree/operations/\(id)").json == done)
            #expect(try await api.get("/storage/v1/b/tree/operations").json["operations"]?.array == [done])
            #expect(try await api.post("/storage/v1/b/tree/operations/\(id)/cancel").status == 204)
            #expect(try await api.post("/storage/v1/b/tree/operations/none/cancel").status == 404)
        }
    }

    @Test func `only an empty folder is deleted`() async throws {
        try await withTree { api in
            try await api.upload("a/b/c")
            #expect(try await api.delete("/storage/v1/b/tree/folders/a%2Fb%2F").status == 409)
            #expect(try await api.delete("/storage/v1/b/tree/o/a%2Fb%2Fc").status == 204)
            #expect(try await api.delete("/storage/v1/b/tree/folders/a%2F").status == 409)
            #expect(try await api.delete("/storage/v1/b/tree/folders/a%2Fb%2F").status == 204)
            #expect(try await api.delete("/storage/v1/b/tree/folders/a%2Fb%2F").status == 404)
            #expect(try await api.folders() == ["a/"])
        }
    }

    @Test func `other buckets have no folders, and namespaces need uniform access`() async throws {
        try await withTree { api in
            let made = try await api.post("/storage/v1/b/fog/folders", json: #"{"name":"a/"}"#)
            #expect(made.status == 412)
            #expect(try await api.get("/storage/v1/b/fog/folders").json["items"]?.array == [])
            let body = #"{"name":"other","hierarchicalNamespace":{"enabled":true}}"#
            #expect(try await api.post("/storage/v1/b?project=demo", json: body).status == 400)
            #expect(try await api.patch("/storage/v1/b/tree", json: #"{"versioning":{"enabled":true}}"#).status == 400)
        }
    }
}

@Suite("storage.objects.bulkRestore")
struct BulkRestoreTests {
    @Test func `what was deleted comes back by its patterns, and replaces only what it may`() async throws {
        try await withStorage { api, _ in
            let policy = #"{"softDeletePolicy":{"retentionDurationSeconds":"604800"}}"#
            #expect(try await api.patch("/storage/v1/b/fog", json: policy).status == 200)
            for name in ["a/1", "a/2", "b/3"] {
                try await api.put(name, "old")
                try await api.put(name, "deleted")
                let path = "/storage/v1/b/fog/o/" + name.replacing("/", with: "%2F")
                #expect(try await api.delete(path).status == 204)
            }
            try await api.put("a/2", "new")
            let target = "/storage/v1/b/fog/o/bulkRestore"
            let some = try await api.post(target, json: #"{"matchGlobs":["a/**"]}"#).json
            #expect(some["done"] == true && some["response"]?["succeededCount"]?.string == "1", "\(some)")
            #expect(try await api.names("") == ["a/1", "a/2"])
            #expect(try await api.get("/fog/a/1").text == "deleted")
            #expect(try await api.get("/fog/a/2").text == "new")
            #expect(
                try await api.post(target, json: #"{"softDeletedBeforeTime":"2001-01-01T00:00:00Z"}"#).status == 200
            )
            #expect(try await api.names("").count == 2)
            let all = try await api.post(target, json: #"{"allowOverwrite":true,"matchGlobs":["b/*"]}"#).json
            #expect(all["response"]?["succeededCount"]?.string == "1")
            #expect(try await api.names("") == ["a/1", "a/2", "b/3"])
            #expect(try await api.post(target, json: #"{"softDeletedAfterTime":"soon"}"#).status == 400)
        }
    }
}
