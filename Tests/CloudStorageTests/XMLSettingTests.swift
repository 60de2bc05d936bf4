import APIServer
import BrumeTesting
import CloudStorage
import Foundation
import GoogleAPI
import HTTPTypes
import Testing

@Suite("storage.xml: settings of buckets")
struct XMLSettingTests {
    private static let amazon: HTTPFields = HTTPField.Name("x-amz-date").map { [$0: "20260101T000000Z"] } ?? [:]

    @Test(
        arguments: [
            (
                "cors", "cors",
                "<CorsConfig><Cors><Origins><Origin>*</Origin></Origins><Methods><Method>GET</Method></Methods></Cors></CorsConfig>"
            ),
            ("logging", "logging", "<Logging><LogBucket>fog</LogBucket></Logging>"),
            ("versioning", "versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
            (
                "websiteConfig", "website",
                "<WebsiteConfiguration><MainPageSuffix>i</MainPageSuffix></WebsiteConfiguration>"
            ),
            ("tagging", "labels", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"),
            (
                "billing", "billing",
                "<BillingConfiguration><RequesterPays>Enabled</RequesterPays></BillingConfiguration>"
            ),
            ("storageClass", "storageClass", "<StorageClass>NEARLINE</StorageClass>"),
            (
                "lifecycle", "lifecycle",
                "<LifecycleConfiguration><Rule><Action><Delete/></Action><Condition><Age>3</Age></Condition></Rule></LifecycleConfiguration>"
            ),
        ]
    )
    func `what is set by XML is read by JSON, and what is written by XML can be set again`(
        subresource: String,
        member: String,
        document: String
    ) async throws {
        try await withStorage { api, _ in
            let set = try await api.send(.put, "/fog?\(subresource)", body: Data(document.utf8))
            #expect(set.status == 200, "\(set.text)")
            let value = try await api.get("/storage/v1/b/fog").json[member]
            #expect(value != nil)
            for fields in [[:], Self.amazon] {
                let written = try await api.send(.get, "/fog?\(subresource)", headers: fields)
                let again = try await api.send(.put, "/fog?\(subresource)", body: written.body)
                #expect(again.status == 200, "\(written.text): \(again.text)")
                let after = try await api.get("/storage/v1/b/fog").json[member]
                #expect(after == value)
            }
        }
    }

    @Test(
        arguments: [
            ("cors", "<Cors/>"), ("cors", "<CorsConfig><Cors/></CorsConfig>"), ("cors", "nonsense"),
            ("versioning", "<VersioningConfiguration/>"),
            ("acl", "<AccessControlList><Entries><Entry/></Entries></AccessControlList>"),
            ("tagging", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"),
            ("lifecycle", "<LifecycleConfiguration><Rule><Expiration/></Rule></LifecycleConfiguration>"),
            ("storageClass", "<StorageClass>PAPER</StorageClass>"),
        ]
    )
    func `a document that is none is 400 and changes nothing`(subresource: String, document: String) async throws {
        try await withStorage { api, _ in
            let before = try await api.get("/storage/v1/b/fog").json
            let reply = try await api.send(.put, "/fog?\(subresource)", body: Data(document.utf8))
            #expect(reply.status == 400, "\(reply.text)")
            let after = try await api.get("/storage/v1/b/fog").json
            #expect(after == before)
        }
    }

    @Test func `access lists say the same in Google's words and in S3's`() async throws {
        try await withStorage { api, _ in
            try await api.put("a", "x")
            let list = """
                <AccessControlList><Entries>
                <Entry><Scope type="UserByEmail"><EmailAddress>u@example.com</EmailAddress></Scope><Permission>FULL_CONTROL</Permission></Entry>
                <Entry><Scope type='AllUsers'/><Permission>READ</Permission></Entry>
                <Entry><Scope type='GroupByDomain'><Domain>example.com</Domain></Scope><Permission>READ</Permission></Entry>
                </Entries></AccessControlList>
                """
            for target in ["/fog/a?acl", "/fog?acl", "/fog?defaultObjectAcl"] {
                #expect(try await api.send(.put, target, body: Data(list.utf8)).status == 200)
                for fields in [[:], Self.amazon] {
                    let written = try await api.send(.get, target, headers: fields)
                    #expect(try await api.send(.put, target, body: written.body).status == 200, "\(written.text)")
                    let entries = try await api.get("/storage/v1/b/fog/o/a/acl").json["items"]?.array ?? []
                    #expect(
                        entries.compactMap { $0["entity"]?.string }
                            == ["user-u@example.com", "allUsers", "domain-example.com"]
                    )
                }
            }
        }
    }
}
