import Billing
import Foundation
import Testing

@Suite("bill")
struct BillTests {
    static let hour = 3600.0

    /// A bill of a month of 730 hours, so that the published monthly figures come out.
    private func cost(
        _ kind: Usage.Kind,
        region: String = "us-central1",
        hours: Double
    ) -> Double {
        let start = Date(timeIntervalSince1970: 1_793_491_200)  // 2026-11-01
        let use = Usage(
            project: "demo",
            resource: "r",
            region: region,
            kind: kind,
            start: start,
            end: start.addingTimeInterval(hours * Self.hour)
        )
        return Bill(of: [use], from: start, to: start.addingTimeInterval(40 * 24 * Self.hour)).total
    }

    private func machine(_ type: String, _ vCPUs: Double, _ gibibytes: Double, gpu: String? = nil) -> Usage.Machine {
        var machine = Usage.Machine(type: type, vCPUs: vCPUs, gibibytes: gibibytes)
        if let gpu { machine.accelerators = [.init(type: gpu, count: 1)] }
        return machine
    }

    private func isNear(_ cost: Double, _ expected: Double) -> Bool { abs(cost - expected) < 1e-9 }

    @Test func `an hour of a machine is its processors and its memory`() {
        #expect(isNear(cost(.machine(machine("n1-standard-1", 1, 3.75)), hours: 1), 0.04749975))
        #expect(isNear(cost(.machine(machine("n1-highmem-2", 2, 13)), region: "europe-west1", hours: 1), 0.130139))
        #expect(isNear(cost(.machine(machine("e2-standard-2", 2, 8)), hours: 1), 0.06701142))
        #expect(isNear(cost(.machine(machine("e2-medium", 1, 4)), region: "europe-west1", hours: 1), 0.03685773))
    }

    @Test func `sustained use is of each accelerator by itself`() {
        func cards(_ count: Int, hours: Double) -> Double {
            var machine = machine("n1-standard-4", 4, 15)
            machine.accelerators = [.init(type: "nvidia-tesla-t4", count: count)]
            return Estimate.bill(of: [.init("m", in: "us-central1", .machine(machine))], hours: hours).lines[1].cost
                ?? 0
        }
        #expect(isNear(cards(4, hours: 730), 4 * 0.35 * 730 * 0.7))
        #expect(isNear(cards(2, hours: 365), 2 * 0.35 * 365 * 0.9))
    }

    @Test func `an estimate has months of 730 hours, each with its own discount`() {
        func estimate(_ hours: Double) -> Bill {
            Estimate.bill(
                of: [.init("m", in: "us-central1", .machine(machine("n1-standard-1", 1, 3.75)))],
                hours: hours
            )
        }
        // The published monthly figure.
        #expect(abs(estimate(730).total - 24.27) < 0.005)
        #expect(isNear(estimate(1460).total, 2 * estimate(730).total))
        #expect(isNear(estimate(731).total, estimate(730).total + 0.04749975))
        #expect(isNear(estimate(730).lines[0].listCost ?? 0, 730 * 0.04749975))
    }

    @Test func `accelerators come on top`() {
        let withT4 = machine("n1-standard-4", 4, 15, gpu: "nvidia-tesla-t4")
        #expect(isNear(cost(.machine(withT4), hours: 1), 0.539999))
        let withV100 = machine("n1-standard-8", 8, 30, gpu: "nvidia-tesla-v100")
        #expect(isNear(cost(.machine(withV100), hours: 1.5), 4.289997))
    }

    @Test func `a custom job costs a little more, by the machine's price`() {
        let plain = machine("n1-standard-4", 4, 15)
        #expect(isNear(cost(.training([.init(plain, count: 1)]), hours: 1), 0.21849885))
        let withT4 = machine("n1-standard-4", 4, 15, gpu: "NVIDIA_TESLA_T4")
        #expect(isNear(cost(.training([.init(withT4, count: 1)]), hours: 1), 0.62099885))
        #expect(isNear(cost(.training([.init(plain, count: 3)]), hours: 1), 3 * 0.21849885))
    }

    @Test(arguments: [(0.25, 0.0), (0.5, 0.1), (0.75, 0.2), (1, 0.3)])
    func `sustained use of a month is discounted`(part: Double, discount: Double) {
        // November has 720 hours.
        let hours = 720 * part
        let paid = cost(.machine(machine("n1-standard-1", 1, 3.75)), hours: hours)
        #expect(isNear(paid, 0.04749975 * hours * (1 - discount)))
        let e2 = cost(.machine(machine("e2-standard-2", 2, 8)), hours: hours)
        #expect(isNear(e2, 0.06701142 * hours))
    }

    @Test func `a machine that ran half a minute is billed a minute`() {
        #expect(isNear(cost(.machine(machine("e2-medium", 1, 4)), hours: 30 / 3600), 0.03350571 / 60))
    }

    @Test func `disks and objects cost by their size and time`() {
        #expect(isNear(cost(.disk(type: "pd-balanced", gigabytes: 30), hours: 730), 3.00))
        let bytes = 10 * Double(1 << 30)
        let objects = Usage.Kind.storage(storageClass: "STANDARD", location: "US-CENTRAL1", bytes: bytes)
        #expect(isNear(cost(objects, hours: 730), 0.20))
    }

    @Test func `builds on the usual machine have their free minutes`() {
        #expect(cost(.build(machine: "UNSPECIFIED"), hours: 2500 / 60) == 0)
        #expect(isNear(cost(.build(machine: "UNSPECIFIED"), hours: 2600 / 60), 100 * 0.006))
        #expect(isNear(cost(.build(machine: "E2_HIGHCPU_8"), hours: 1), 60 * 0.016))
    }

    @Test func `what has no known price is listed without one`() {
        let start = Date(timeIntervalSince1970: 1_793_491_200)
        let use = Usage(
            project: "demo",
            resource: "vm",
            region: "us-central1",
            kind: .machine(machine("c2-standard-4", 4, 16)),
            start: start,
            end: nil
        )
        let bill = Bill(of: [use], from: start, to: start.addingTimeInterval(Self.hour))
        #expect(bill.lines.count == 1 && bill.lines[0].cost == nil && bill.lines[0].amount == 1)
    }

    @Test func `only what falls into the month is billed`() {
        let month = Date(timeIntervalSince1970: 1_793_491_200)
        func use(from start: Double, to end: Double?) -> Usage {
            Usage(
                project: "demo",
                resource: "vm \(start)",
                region: "us-central1",
                kind: .machine(machine("e2-standard-2", 2, 8)),
                start: month.addingTimeInterval(start * Self.hour),
                end: end.map { month.addingTimeInterval($0 * Self.hour) }
            )
        }
        let bill = Bill(
            of: [use(from: -5, to: -1), use(from: -5, to: 2), use(from: 3, to: nil), use(from: 9, to: nil)],
            from: month,
            to: month.addingTimeInterval(5 * Self.hour)
        )
        #expect(bill.lines.map(\.amount) == [2, 2])
    }
}
