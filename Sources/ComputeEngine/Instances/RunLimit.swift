import Foundation
import GoogleAPI

/// How long an instance may run, and what happens then.
///
/// See [limiting the run time](https://docs.cloud.google.com/compute/docs/instances/limit-vm-runtime).
struct RunLimit: Sendable, Equatable {
    /// When its time is over.
    var end: Date

    /// What ends a Spot machine or one whose time is over: `STOP` unless the instance says `DELETE`.
    static func deletes(_ instance: JSON) -> Bool {
        instance["scheduling"]?["instanceTerminationAction"]?.string == "DELETE"
    }

    /// The limit of an instance that has been started; nil for one that may run for ever.
    init?(of instance: JSON) {
        let scheduling = instance["scheduling"]
        var ends: [Date] = []
        if let time = scheduling?["terminationTime"]?.string.flatMap({ Timestamp.date($0) }) { ends.append(time) }
        if let seconds = scheduling?["maxRunDuration"]?["seconds"]?.integer,
            let start = instance["lastStartTimestamp"]?.string.flatMap({ Timestamp.date($0) })
        {
            ends.append(start.addingTimeInterval(TimeInterval(seconds)))
        }
        guard let end = ends.min() else { return nil }
        self.end = end
    }

    /// Lets an instance tell when it ends: as long as it runs, and has a limit.
    static func settle(_ instance: inout JSON) {
        let isOn = ["RUNNING", "STOPPING"].contains(instance["status"]?.string)
        let end = isOn ? RunLimit(of: instance)?.end : nil
        instance["resourceStatus"] = end.map { ["scheduling": ["terminationTimestamp": .string(Timestamp.text($0))]] }
    }

    /// - Throws: ``GoogleError`` `invalid` (400) for a duration that is not between 30 seconds and 120 days, and for a time
    ///   that cannot be read.
    static func check(_ scheduling: JSON?) throws {
        if let asked = scheduling?["maxRunDuration"], !asked.isNull {
            let seconds = asked["seconds"]?.integer ?? 0
            guard (30...10_368_000).contains(seconds) else {
                throw GoogleError.invalidField(
                    "resource.scheduling.maxRunDuration",
                    "\(seconds)s",
                    "It must be between 30 seconds and 120 days."
                )
            }
        }
        if let time = scheduling?["terminationTime"]?.string, !time.isEmpty, Timestamp.date(time) == nil {
            throw GoogleError.invalidField(
                "resource.scheduling.terminationTime",
                time,
                "It must be a time in RFC 3339."
            )
        }
    }
}
