package import Billing
import CloudBuild
import CloudStorage
import ComputeEngine
package import Foundation
import GoogleAPI
import MetadataStore
import VertexAI

/// Reads what a cloud used from its data folder, whether it runs or not.
package struct BillReader: Sendable {
    private let store: MetadataStore

    /// - Throws: ``SettingError`` when there is no cloud.
    package init(_ data: DataFolder) throws {
        guard data.isCloud else { throw SettingError("no cloud lies on '\(data.path)': start one with 'brume up'") }
        store = try MetadataStore(readingAt: data.database, schemas: Cloud.schemas)
    }

    /// The bill of the calendar month in which a moment lies, up to `now`.
    package func bill(monthOf moment: Date, now: Date) async throws -> Bill {
        let month = Bill.calendar.dateInterval(of: .month, for: moment) ?? DateInterval(start: moment, end: now)
        let end = min(month.end, now)
        var usage = try await ComputeUsage(store: store).between(month.start, end)
        usage += try await StorageUsage(store: store).between(month.start, end)
        usage += try await BuildUsage(store: store).between(month.start, end)
        usage += try await JobUsage(store: store).between(month.start, end)
        return Bill(of: usage, from: month.start, to: end)
    }

    /// What a machine would cost.
    ///
    /// - Throws: ``SettingError`` for a machine type that does not exist, or hours that are none.
    package static func estimate(
        machineType: String,
        region: String,
        hours: Double,
        accelerator: Usage.Accelerator?,
        isSpot: Bool,
        disk: (type: String, gigabytes: Double)?
    ) throws -> Bill {
        guard Estimate.hours.contains(hours) else { throw SettingError("hours: they must be between 1 and 87600") }
        let type: Usage.Machine?
        do {
            type = try ComputeUsage.machine(asked: machineType)
        } catch let error as GoogleError {
            throw SettingError("machine type: \(error.message)")
        }
        guard var machine = type else {
            throw SettingError("machine type: there is no '\(machineType)': see 'gcloud compute machine-types list'")
        }
        machine.isSpot = isSpot
        if let accelerator { machine.accelerators = [accelerator] }
        var parts = [Estimate.Part("machine", in: region, .machine(machine))]
        if let disk { parts.append(.init("disk", in: region, .disk(type: disk.type, gigabytes: disk.gigabytes))) }
        return Estimate.bill(of: parts, hours: hours)
    }
}
