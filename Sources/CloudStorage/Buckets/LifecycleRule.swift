import Foundation
import GoogleAPI

/// One rule of a bucket's lifecycle: what is done to objects that meet all of its conditions.
///
/// See [object lifecycle management](https://docs.cloud.google.com/storage/docs/lifecycle).
struct LifecycleRule: Sendable, Equatable {
    enum Action: Sendable, Equatable {
        case delete
        case setStorageClass(String)
        /// Multipart uploads of the XML API that were left unfinished.
        case abortIncompleteMultipartUpload
    }

    /// An object as the conditions see it.
    struct Subject {
        var record: ObjectRecord
        var storageClass: String
        /// How many generations of the same name are newer.
        var newerVersions: Int64
    }

    private(set) var action: Action
    private var age: Int64?
    private var createdBefore: Micros?
    private var customTimeBefore: Micros?
    private var daysSinceCustomTime: Int64?
    private var noncurrentTimeBefore: Micros?
    private var daysSinceNoncurrentTime: Int64?
    private var numNewerVersions: Int64?
    private var isLive: Bool?
    private var storageClasses: [String]?
    private var prefixes: [String]?
    private var suffixes: [String]?

    private static let day: Micros = 86_400 * 1_000_000
    private static let conditions: Set = [
        "age", "createdBefore", "customTimeBefore", "daysSinceCustomTime", "noncurrentTimeBefore",
        "daysSinceNoncurrentTime", "numNewerVersions", "isLive", "matchesStorageClass", "matchesPrefix",
        "matchesSuffix",
    ]

    /// The rules of a bucket's `lifecycle`.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) naming what no rule can say.
    static func rules(of lifecycle: JSON?) throws -> [LifecycleRule] {
        guard let lifecycle, !lifecycle.isNull, let rules = lifecycle["rule"], !rules.isNull else { return [] }
        guard let rules = rules.array, rules.count <= 100 else {
            throw GoogleError.invalid("Invalid value for 'lifecycle.rule': a list of up to 100 rules is expected.")
        }
        return try rules.map(LifecycleRule.init)
    }

    private init(_ rule: JSON) throws {
        switch rule["action"]?["type"]?.string {
        case "Delete": action = .delete
        case "SetStorageClass":
            action = .setStorageClass(try StorageClass.canonical(rule["action"]?["storageClass"]?.string ?? ""))
        case "AbortIncompleteMultipartUpload": action = .abortIncompleteMultipartUpload
        case let other:
            throw Self.invalid(
                "action.type",
                "'\(other ?? "")' is none of Delete, SetStorageClass and AbortIncompleteMultipartUpload"
            )
        }
        let condition = rule["condition"]?.object ?? [:]
        guard !condition.isEmpty else { throw Self.invalid("condition", "at least one condition is needed") }
        if let unknown = condition.keys.first(where: { !Self.conditions.contains($0) }) {
            throw Self.invalid("condition", "there is no condition '\(unknown)'")
        }
        func count(_ key: String) throws -> Int64? {
            guard let value = condition[key], !value.isNull else { return nil }
            guard let number = value.integer, number >= 0 else {
                throw Self.invalid("condition.\(key)", "a whole number from 0 on is expected")
            }
            return number
        }
        func date(_ key: String) throws -> Micros? {
            guard let value = condition[key], !value.isNull else { return nil }
            guard let text = value.string, text.count == 10, let date = Timestamp.date(text + "T00:00:00Z") else {
                throw Self.invalid("condition.\(key)", "a date such as 2026-01-31 is expected")
            }
            return Micros(date)
        }
        func texts(_ key: String) -> [String]? { condition[key]?.array?.compactMap(\.string) }
        age = try count("age")
        daysSinceCustomTime = try count("daysSinceCustomTime")
        daysSinceNoncurrentTime = try count("daysSinceNoncurrentTime")
        numNewerVersions = try count("numNewerVersions")
        createdBefore = try date("createdBefore")
        customTimeBefore = try date("customTimeBefore")
        noncurrentTimeBefore = try date("noncurrentTimeBefore")
        isLive = condition["isLive"]?.bool
        storageClasses = try texts("matchesStorageClass")?.map(StorageClass.canonical)
        prefixes = texts("matchesPrefix")
        suffixes = texts("matchesSuffix")
        if action == .abortIncompleteMultipartUpload,
            let other = condition.keys.first(where: { !["age", "matchesPrefix", "matchesSuffix"].contains($0) })
        {
            throw Self.invalid("condition.\(other)", "AbortIncompleteMultipartUpload takes age and names only")
        }
    }

    /// Whether an upload of a name that was begun then is to be aborted.
    func abortsUpload(of name: String, begun: Micros, at now: Micros) -> Bool {
        action == .abortIncompleteMultipartUpload && matches(name) && isOlder(begun, thanDays: age, at: now)
    }

    /// Whether all conditions hold for an object.
    func applies(to subject: Subject, at now: Micros) -> Bool {
        let record = subject.record
        let customTime = record.document["customTime"]?.string.flatMap(Timestamp.date).map(Micros.init)
        if let isLive, isLive != record.isLive { return false }
        if let storageClasses, !storageClasses.contains(subject.storageClass) { return false }
        if let numNewerVersions, subject.newerVersions < numNewerVersions { return false }
        return matches(record.name)
            && isOlder(record.created, thanDays: age, at: now) && isEarlier(record.created, than: createdBefore)
            && isOlder(customTime, thanDays: daysSinceCustomTime, at: now)
            && isEarlier(customTime, than: customTimeBefore)
            && isOlder(record.deleted, thanDays: daysSinceNoncurrentTime, at: now)
            && isEarlier(record.deleted, than: noncurrentTimeBefore)
    }

    /// Names are bytes: an é in one piece is not the beginning of one in two.
    private func matches(_ name: String) -> Bool {
        (prefixes?.contains { name.utf8.starts(with: $0.utf8) } ?? true)
            && (suffixes?.contains { name.utf8.reversed().starts(with: $0.utf8.reversed()) } ?? true)
    }

    /// A condition that is not set always holds; one that is set never holds for a time that is not.
    private func isOlder(_ time: Micros?, thanDays days: Int64?, at now: Micros) -> Bool {
        guard let days else { return true }
        return time.map { now - $0 >= days * Self.day } ?? false
    }

    private func isEarlier(_ time: Micros?, than limit: Micros?) -> Bool {
        guard let limit else { return true }
        return time.map { $0 < limit } ?? false
    }

    private static func invalid(_ field: String, _ reason: String) -> GoogleError {
        .invalid("Invalid value for 'lifecycle.rule.\(field)': \(reason).")
    }
}
