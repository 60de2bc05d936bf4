import APIServer
import Billing
import Foundation
import GoogleAPI
import Hummingbird

/// What machines and their disks would cost, before anything is made.
///
/// Of Google's workloads those of Compute Engine, at a constant rate; prices are list prices, as an account has no others
/// here. See
/// [cost estimation](https://docs.cloud.google.com/billing/docs/reference/cost-estimation/rest/v1beta/TopLevel/estimateCostScenario).
struct EstimateMethods: Sendable {
    /// What a machine type is made of; nil when there is none of that name.
    let machine: @Sendable (_ type: String) throws -> Usage.Machine?

    private static let mostWorkloads = 100
    private static let mostDollars = 1e8

    func estimate(_ input: EstimateInput, as caller: Caller) async throws -> JSON {
        let scenario = input.scenario
        let hours = try Self.hours(scenario["scenarioConfig"]?["estimateDuration"])
        if !(scenario["commitments"]?.array ?? []).isEmpty { throw GoogleError.notEstimated("commitments") }
        let workloads = scenario["workloads"]?.array ?? []
        guard (1...Self.mostWorkloads).contains(workloads.count) else {
            throw GoogleError.badScenario("workloads", "There must be between 1 and \(Self.mostWorkloads) of them.")
        }
        let names = workloads.map { $0["name"]?.string ?? "" }
        guard !names.contains(""), Set(names).count == names.count else {
            throw GoogleError.badScenario("workloads[].name", "Each workload needs a name of its own.")
        }
        let parts = try workloads.enumerated().map { try self.parts($1, at: "workloads[\($0)]") }
        let months = parts.map { Estimate.months(of: $0.parts, hours: hours) }
        for (index, bill) in months.map({ $0[0] }).enumerated() {
            guard let line = bill.lines.first(where: { $0.cost == nil }) else { continue }
            throw GoogleError.notEstimated("workloads[\(index)]", "no price is known of '\(line.item)' here")
        }
        let segments = try months[0].indices.map { month in
            let costs = parts.indices.map { Cost(of: months[$0][month], times: parts[$0].count) }
            let total = costs.reduce(Cost(), +)
            guard total.list <= Self.mostDollars else {
                throw GoogleError.badScenario(
                    "workloads",
                    "They cost more than \(Int(Self.mostDollars)) dollars a month."
                )
            }
            return [
                "segmentStartTime": [
                    "estimationTimeFrameOffset": .string("\(Int(Double(month) * Estimate.monthHours) * 3600)s")
                ],
                "segmentTotalCostEstimate": total.document,
                "workloadCostEstimates": .array(
                    zip(names, costs).map { ["name": .string($0), "workloadTotalCostEstimate": $1.document] }
                ),
            ] as JSON
        }
        return ["costEstimationResult": ["currencyCode": "USD", "segmentCostEstimates": .array(segments)]]
    }

    // MARK: What is asked for

    private static func hours(_ duration: JSON?) throws -> Double {
        guard let text = duration?.string, text.hasSuffix("s"), let seconds = Double(text.dropLast()),
            Estimate.hours.contains(seconds / 3600)
        else {
            throw GoogleError.badScenario(
                "scenarioConfig.estimateDuration",
                "It must be between an hour (3600s) and ten years (315360000s)."
            )
        }
        return seconds / 3600
    }

    /// The parts of one instance of a workload, and how many instances it has.
    private func parts(_ workload: JSON, at field: String) throws -> (parts: [Estimate.Part], count: Double) {
        guard let vm = workload["computeVmWorkload"] else {
            if let kind = workload.object?.keys.sorted().first(where: { $0 != "name" }) {
                throw GoogleError.notEstimated("\(field).\(kind)")
            }
            throw GoogleError.badScenario(field, "It says nothing of what is used, such as computeVmWorkload.")
        }
        let field = "\(field).computeVmWorkload"
        let region = vm["region"]?.string ?? ""
        guard region.wholeMatch(of: /[a-z]+-[a-z]+\d+/) != nil else {
            throw GoogleError.badScenario("\(field).region", "It must be the name of a region, such as us-central1.")
        }
        if vm["enableConfidentialCompute"]?.bool ?? false {
            throw GoogleError.notEstimated("\(field).enableConfidentialCompute")
        }
        if !(vm["licenses"]?.array ?? []).isEmpty { throw GoogleError.notEstimated("\(field).licenses") }
        let type = Self.machineType(vm["machineType"])
        guard var machine = try machine(type) else {
            throw GoogleError.badScenario("\(field).machineType", "There is no machine type '\(type)'.")
        }
        machine.isSpot = vm["preemptible"]?.bool ?? false
        if let accelerator = vm["guestAccelerator"] {
            guard let count = accelerator["acceleratorCount"]?.integer, (1...16).contains(count) else {
                throw GoogleError.badScenario(
                    "\(field).guestAccelerator.acceleratorCount",
                    "It must be between 1 and 16."
                )
            }
            machine.accelerators = [.init(type: accelerator["acceleratorType"]?.string ?? "", count: Int(count))]
        }
        var parts = [Estimate.Part("machine", in: region, .machine(machine))]
        for (index, disk) in (vm["persistentDisks"]?.array ?? []).enumerated() {
            let field = "\(field).persistentDisks[\(index)]"
            if disk["scope"]?.string == "SCOPE_REGIONAL" { throw GoogleError.notEstimated("\(field).scope") }
            if disk["provisionedIops"] != nil { throw GoogleError.notEstimated("\(field).provisionedIops") }
            let size = try Self.rate(disk["diskSize"], in: "GiBy", at: "\(field).diskSize")
            let type = disk["diskType"]?.string ?? "pd-standard"
            parts.append(.init("disk \(index)", in: region, .disk(type: type, gigabytes: size)))
        }
        return (parts, try Self.rate(vm["instancesRunning"], in: "1", at: "\(field).instancesRunning"))
    }

    private static func machineType(_ asked: JSON?) -> String {
        guard let custom = asked?["customMachineType"] else {
            return asked?["predefinedMachineType"]?["machineType"]?.string ?? ""
        }
        let series = custom["machineSeries"]?.string?.lowercased() ?? "n1"
        let memory = Int(exactly: ((custom["memorySizeGb"]?.double ?? 0) * 1024).rounded()) ?? 0
        return (series == "n1" ? "" : series + "-") + "custom-\(custom["virtualCpuCount"]?.integer ?? 0)-\(memory)"
    }

    /// How much of something is there all the time.
    private static func rate(_ usage: JSON?, in unit: String, at field: String) throws -> Double {
        let timeline = usage?["usageRateTimeline"]
        let entries = timeline?["usageRateTimelineEntries"]?.array ?? []
        let field = "\(field).usageRateTimeline"
        guard timeline?["unit"]?.string == unit else {
            throw GoogleError.badScenario("\(field).unit", "It must be '\(unit)'.")
        }
        let offset = entries.first?["effectiveTime"]?["estimationTimeFrameOffset"]?.string ?? "0s"
        guard entries.count < 2, offset == "0s" else {
            throw GoogleError.notEstimated("\(field).usageRateTimelineEntries of more than one rate")
        }
        guard let rate = entries.first?["usageRate"]?.double, (0...1e9).contains(rate) else {
            throw GoogleError.badScenario(
                "\(field).usageRateTimelineEntries",
                "It needs a usageRate between 0 and 1e9."
            )
        }
        return rate
    }
}

struct EstimateInput: MethodInput {
    let resource = ResourceName([])
    var scenario: JSON

    init(from call: Call) async throws {
        let account = call.context.parameters.get("account") == nil ? nil : try call.parameter("account")
        if let account, account != BillingAccount.id { throw GoogleError.accountMissing(account) }
        let body: JSON = try await call.body()
        guard let scenario = body["costScenario"] else {
            throw GoogleError.invalid("Invalid value for field 'costScenario'. It says what is to be estimated.")
        }
        self.scenario = scenario
    }
}

/// A sum with what is taken off it, in US dollars.
private struct Cost {
    var list = 0.0
    var net = 0.0

    init() {}

    init(of bill: Bill, times count: Double) {
        list = count * bill.lines.reduce(0) { $0 + ($1.listCost ?? 0) }
        net = count * bill.total
    }

    static func + (one: Cost, other: Cost) -> Cost {
        var sum = one
        sum.list += other.list
        sum.net += other.net
        return sum
    }

    var document: JSON {
        var document: JSON = ["preCreditCostEstimate": Money.document(list), "netCostEstimate": Money.document(net)]
        if list > net {
            document["creditEstimates"] = [
                ["creditType": "SUSTAINED_USAGE_DISCOUNT", "creditAmount": Money.document(net - list)]
            ]
        }
        return document
    }
}
