package import Foundation

/// Something that costs while it is there.
package struct Usage: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case machine(Machine)
        /// Gigabytes (2^30 bytes) of provisioned size.
        case disk(type: String, gigabytes: Double)
        /// A reserved address that no running machine has.
        case idleAddress
        /// Bytes that a snapshot or an image holds.
        case snapshot(item: String, bytes: Double)
        /// Bytes that lie in a bucket.
        case storage(storageClass: String, location: String, bytes: Double)
        case build(machine: String)
        /// The replicas of a custom job.
        case training([Replicas])
    }

    /// Machines of one kind that a custom job has.
    package struct Replicas: Sendable, Equatable {
        package var machine: Machine
        package var count: Int

        package init(_ machine: Machine, count: Int) {
            self.machine = machine
            self.count = count
        }
    }

    /// What a machine is made of.
    package struct Machine: Sendable, Equatable {
        package var type: String
        package var vCPUs: Double
        package var gibibytes: Double
        package var isSpot = false
        package var accelerators: [Accelerator] = []
        package var hasExternalAddress = false

        package init(type: String, vCPUs: Double, gibibytes: Double) {
            self.type = type
            self.vCPUs = vCPUs
            self.gibibytes = gibibytes
        }
    }

    package struct Accelerator: Sendable, Equatable {
        package var type: String
        package var count: Int

        package init(type: String, count: Int) {
            self.type = type
            self.count = count
        }
    }

    package var project: String
    /// The resource's own name, with its zone or bucket where that tells more.
    package var resource: String
    package var region: String
    package var kind: Kind
    package var start: Date
    /// Nil: it is still there.
    package var end: Date?

    package init(project: String, resource: String, region: String, kind: Kind, start: Date, end: Date?) {
        self.project = project
        self.resource = resource
        self.region = region
        self.kind = kind
        self.start = start
        self.end = end
    }
}
