import APIServer
import Billing
import BrumeTesting
import CloudBilling
import Foundation
import GoogleAPI
import HTTPTypes
import MetadataStore
import Testing

private func makeAPI() throws -> TestAPI {
    let store = try MetadataStore(inMemoryWith: [CloudBillingSchema.self])
    let identity = FixedIdentity()
    let billing = CloudBilling(store: store, projects: DemoProject())
    return TestAPI([billing.api(authorizer: identity)], authenticator: identity)
}

@Suite("cloudbilling.services")
struct CatalogueTests {
    private static let compute = "/cloudbilling/v1/services/6F81-5844-456A/skus"

    private func skus(_ api: TestAPI, _ path: String = compute) async throws -> [JSON] {
        try #require(try await api.get(path).json["skus"]?.array)
    }

    /// Dollars for one unit, from an amount on.
    private func price(_ sku: JSON, tier: Int = 0) throws -> Double {
        let rates = sku["pricingInfo"]?.array?.first?["pricingExpression"]?["tieredRates"]?.array ?? []
        let money = try #require(rates[tier]["unitPrice"])
        let units = try #require(money["units"]?.string.flatMap(Double.init))
        return units + Double(money["nanos"]?.integer ?? 0) / 1e9
    }

    @Test func `the services that have known prices are listed under Google's names`() async throws {
        let api = try makeAPI()
        let services = try await api.get("/cloudbilling/v1/services").json["services"]?.array ?? []
        #expect(
            services.map { $0["displayName"]?.string } == [
                "Compute Engine", "Cloud Storage", "Vertex AI", "Cloud Build",
            ]
        )
        #expect(services.first?["name"]?.string == "services/6F81-5844-456A")
    }

    @Test func `a machine costs by the catalogue what it costs on the bill`() async throws {
        let api = try makeAPI()
        let all = try await skus(api)
        func one(_ description: String) throws -> JSON {
            try #require(all.first { $0["description"]?.string == description })
        }
        let core = try one("N1 Predefined Instance Core running in Iowa")
        let ram = try one("N1 Predefined Instance Ram running in Iowa")
        // n1-standard-1
        let hour = try price(core) + 3.75 * price(ram)
        #expect(abs(hour - 0.04749975) < 1e-9)
        let gpu = try one("Nvidia Tesla T4 GPU running in Iowa")
        #expect(try price(gpu) == 0.35)
        #expect(gpu["category"]?["resourceGroup"]?.string == "GPU")
        #expect(core["serviceRegions"] == ["us-central1"] && core["category"]?["usageType"]?.string == "OnDemand")
        let spot = try one("Spot Preemptible E2 Instance Core running in Belgium")
        #expect(
            spot["category"]?["usageType"]?.string == "Preemptible" && spot["serviceRegions"] == ["europe-west1"]
        )
    }

    @Test func `free build minutes are a first tier`() async throws {
        let api = try makeAPI()
        let services = try await api.get("/cloudbilling/v1/services").json["services"]?.array ?? []
        let build = try #require(services.first { $0["displayName"] == "Cloud Build" }?["name"]?.string)
        let all = try await skus(api, "/cloudbilling/v1/\(build)/skus")
        let usual = try #require(all.first { $0["description"] == "Build time on e2-standard-2" })
        #expect(try price(usual) == 0)
        #expect(try price(usual, tier: 1) == 0.006)
        let rates = usual["pricingInfo"]?.array?[0]["pricingExpression"]?["tieredRates"]?.array
        #expect(rates?[1]["startUsageAmount"] == 2500)
    }

    @Test func `pages follow one another without a gap, and no identifier comes twice`() async throws {
        let api = try makeAPI()
        var (names, token): ([String], String) = ([], "")
        repeat {
            let page = try await api.get(Self.compute + "?pageSize=7&pageToken=\(token)").json
            let skus = page["skus"]?.array ?? []
            #expect(skus.count <= 7)
            names += skus.compactMap { $0["name"]?.string }
            token = page["nextPageToken"]?.string ?? ""
        } while !token.isEmpty
        let whole = try await skus(api).compactMap { $0["name"]?.string }
        #expect(names == whole)
        #expect(Set(names).count == names.count && names.count > 30)
    }

    @Test(arguments: [
        ("/cloudbilling/v1/services/0000-0000-0000/skus", 404), (compute + "?currencyCode=EUR", 400),
        (compute + "?pageToken=x", 400),
    ])
    func `unknown services, currencies and pages are refused`(path: String, status: Int) async throws {
        #expect(try await makeAPI().get(path).status == status)
    }
}

@Suite("cloudbilling.projects")
struct BillingLinkTests {
    private static let info = "/cloudbilling/v1/projects/demo/billingInfo"

    @Test func `a project has the one account, until it is taken away`() async throws {
        let api = try makeAPI()
        let account = try #require(
            try await api.get("/cloudbilling/v1/billingAccounts").json["billingAccounts"]?.array?.first?["name"]?
                .string
        )
        #expect(try await api.get("/cloudbilling/v1/\(account)").json["open"] == true)
        #expect(try await api.get(Self.info).json["billingAccountName"]?.string == account)
        let off = try await api.send(.put, Self.info, body: Data(#"{"billingAccountName":""}"#.utf8))
        #expect(off.json["billingEnabled"] == false)
        #expect(try await api.get(Self.info).json["billingEnabled"] == false)
        let on = try await api.send(.put, Self.info, body: Data(#"{"billingAccountName":"\#(account)"}"#.utf8))
        #expect(on.json["billingEnabled"] == true)
        #expect(try await api.get(Self.info).json["billingEnabled"] == true)
    }

    @Test func `an account that is not there is refused, and the link stays`() async throws {
        let api = try makeAPI()
        let body = Data(#"{"billingAccountName":"billingAccounts/012345-567890-ABCDEF"}"#.utf8)
        #expect(try await api.send(.put, Self.info, body: body).status == 404)
        #expect(try await api.get(Self.info).json["billingEnabled"] == true)
        #expect(try await api.get("/cloudbilling/v1/billingAccounts/012345-567890-ABCDEF").status == 404)
        #expect(try await api.get("/cloudbilling/v1/projects/nowhere/billingInfo").status == 404)
    }
}
