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
    let billing = CloudBilling(store: store, projects: DemoProject()) { type in
        ["n1-standard-4": (4.0, 15.0), "n2-custom-4-8192": (4, 8)][type].map {
            Usage.Machine(type: type, vCPUs: $0.0, gibibytes: $0.1)
        }
    }
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

@Suite("cloudbilling.estimateCostScenario")
struct EstimateTests {
    private static func running(_ count: Int) -> JSON {
        ["usageRateTimeline": ["unit": "1", "usageRateTimelineEntries": [["usageRate": .integer(Int64(count))]]]]
    }

    private static func scenario(hours: Int, _ change: (inout JSON) -> Void = { _ in }) -> JSON {
        var vm: JSON = [
            "region": "us-central1", "instancesRunning": running(2),
            "machineType": ["predefinedMachineType": ["machineType": "n1-standard-4"]],
            "guestAccelerator": ["acceleratorType": "nvidia-tesla-t4", "acceleratorCount": "1"],
        ]
        change(&vm)
        return [
            "costScenario": [
                "scenarioConfig": ["estimateDuration": .string("\(hours * 3600)s")],
                "workloads": [["name": "training", "computeVmWorkload": vm]],
            ]
        ]
    }

    private func estimate(_ scenario: JSON, account: String = "") async throws -> TestReply {
        try await makeAPI().post(
            "/cloudbilling/v1beta\(account):estimateCostScenario",
            json: String(decoding: try scenario.data(), as: UTF8.self)
        )
    }

    private func dollars(_ money: JSON?) throws -> Double {
        let units = try #require(money?["units"]?.string.flatMap(Double.init))
        return units + Double(money?["nanos"]?.integer ?? 0) / 1e9
    }

    @Test(arguments: ["", "/billingAccounts/000000-000000-000000"])
    func `machines cost what the price list says, times their number`(account: String) async throws {
        let reply = try await estimate(Self.scenario(hours: 1), account: account)
        let segment = try #require(reply.json["costEstimationResult"]?["segmentCostEstimates"]?[0])
        let total = segment["segmentTotalCostEstimate"]
        #expect(abs(try dollars(total?["netCostEstimate"]) - 2 * 0.539999) < 1e-8)
        #expect(total?["creditEstimates"] == nil)
        let own = segment["workloadCostEstimates"]?[0]
        #expect(own?["name"] == "training" && own?["workloadTotalCostEstimate"] == total)
    }

    @Test func `sustained use is a credit, and begins anew with each month`() async throws {
        let scenario = Self.scenario(hours: 731) { $0["guestAccelerator"] = nil }
        let reply = try await estimate(scenario)
        let segments = reply.json["costEstimationResult"]?["segmentCostEstimates"]?.array ?? []
        try #require(segments.count == 2)
        let (list, net) = (730 * 2 * 0.189999, 730 * 2 * 0.189999 * 0.7)
        let first = segments[0]["segmentTotalCostEstimate"]
        #expect(abs(try dollars(first?["preCreditCostEstimate"]) - list) < 1e-6)
        #expect(abs(try dollars(first?["netCostEstimate"]) - net) < 1e-6)
        #expect(abs(try dollars(first?["creditEstimates"]?[0]?["creditAmount"]) - (net - list)) < 1e-6)
        let second = segments[1]["segmentTotalCostEstimate"]
        #expect(abs(try dollars(second?["netCostEstimate"]) - 2 * 0.189999) < 1e-8)
        #expect(segments[1]["segmentStartTime"]?["estimationTimeFrameOffset"] == "2628000s")
    }

    @Test func `disks count too, a Spot machine costs less, and none costs nothing`() async throws {
        func total(_ change: (inout JSON) -> Void) async throws -> Double {
            let scenario = Self.scenario(hours: 730) { vm in
                vm["guestAccelerator"] = nil
                change(&vm)
            }
            let segment = try await estimate(scenario).json["costEstimationResult"]?["segmentCostEstimates"]?[0]
            return try dollars(segment?["segmentTotalCostEstimate"]?["netCostEstimate"])
        }
        let usual = try await total { _ in }
        let withDisks = try await total { vm in
            var size = Self.running(30)
            size["usageRateTimeline"]?["unit"] = "GiBy"
            vm["persistentDisks"] = [["diskType": "pd-balanced", "diskSize": size]]
        }
        #expect(abs(withDisks - usual - 2 * 3) < 1e-6)
        let spot = try await total { $0["preemptible"] = true }
        // As an hour of n1-standard-1 is listed as Spot, four times.
        #expect(abs(spot - 2 * 730 * 4 * 0.0130025) < 0.01)
        #expect(try await total { $0["instancesRunning"] = Self.running(0) } == 0)
    }

    @Test func `what has no known price is not said to be free`() async throws {
        let custom = Self.scenario(hours: 1) { vm in
            vm["guestAccelerator"] = nil
            vm["machineType"] = [
                "customMachineType": ["machineSeries": "n2", "virtualCpuCount": "4", "memorySizeGb": 8]
            ]
        }
        let reply = try await estimate(custom)
        #expect(reply.status == 501 && reply.text.contains("no price is known of 'n2-custom-4-8192'"), "\(reply.text)")
    }

    @Test(arguments: [
        ("machineType", #"{"predefinedMachineType": {"machineType": "e9-none"}}"#, 400, "no machine type 'e9-none'"),
        ("region", #""""#, 400, "computeVmWorkload.region"), ("region", #""iowa""#, 400, "computeVmWorkload.region"),
        ("guestAccelerator", "{}", 400, "acceleratorCount"),
        ("machineType", #"{"customMachineType": {"memorySizeGb": 1e300}}"#, 400, "no machine type"),
        (
            "instancesRunning",
            #"{"usageRateTimeline": {"unit": "1", "usageRateTimelineEntries": [{"usageRate": 1e300}]}}"#,
            400, "usageRate between"
        ),
        (
            "instancesRunning",
            #"{"usageRateTimeline": {"unit": "1", "usageRateTimelineEntries": [{"usageRate": 1e9}]}}"#,
            400, "more than 100000000 dollars"
        ),
        ("instancesRunning", "{}", 400, "instancesRunning.usageRateTimeline.unit"),
        ("enableConfidentialCompute", "true", 501, "enableConfidentialCompute"),
        ("licenses", #"["rhel"]"#, 501, "licenses"),
    ])
    func `what cannot be estimated is named`(field: String, value: String, status: Int, says: String) async throws {
        let value = try JSON(parsing: Data(value.utf8))
        let reply = try await estimate(Self.scenario(hours: 1) { $0[field] = value })
        #expect(reply.status == status && reply.text.contains(says), "\(reply.text)")
    }

    @Test func `a scenario needs a duration, and workloads with names of their own`() async throws {
        #expect(try await estimate([:]).status == 400)
        #expect(try await estimate(Self.scenario(hours: 0)).status == 400)
        var twice = Self.scenario(hours: 1)
        let one = twice["costScenario"]?["workloads"]?[0] ?? [:]
        twice["costScenario"]?["workloads"] = [one, one]
        #expect(try await estimate(twice).status == 400)
        twice["costScenario"]?["workloads"] = [["name": "bucket", "cloudStorageWorkload": [:]]]
        let bucket = try await estimate(twice)
        #expect(bucket.status == 501 && bucket.text.contains("workloads[0].cloudStorageWorkload"), "\(bucket.text)")
        #expect(try await estimate(Self.scenario(hours: 1), account: "/billingAccounts/1").status == 404)
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
