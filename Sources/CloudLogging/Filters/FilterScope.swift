import GoogleAPI

/// What of a filter the rows' columns can answer, so that few entries need be looked at.
struct FilterScope: Sendable, Equatable {
    /// The first and the last moment that may match, both included; nanoseconds since 1970.
    var earliest = Int64.min
    var latest = Int64.max
    /// The job, build or instance that all matches are about.
    var subject: String?

    /// The labels of a monitored resource that name a subject.
    static let subjectLabels = ["job_id", "build_id", "instance_id"]

    init(_ filter: Filter) {
        for case .comparison(let comparison) in filter.conjuncts {
            switch (comparison.path, comparison.operand) {
            case (["timestamp"], .moment(let moment)): narrow(comparison.relation, moment.nanoseconds)
            case (let path, .text(let text)) where comparison.relation == .equal && Self.namesSubject(path):
                subject = text.lowercased()
            default: continue
            }
        }
    }

    /// Nil for an entry that names none, empty for one that names several.
    static func subject(of entry: JSON) -> String? {
        let labels = entry["resource"]?["labels"]
        let subjects = subjectLabels.compactMap { labels?[$0]?.string }
        return subjects.count > 1 ? "" : subjects.first?.lowercased()
    }

    private static func namesSubject(_ path: [String]) -> Bool {
        path.count == 3 && path.starts(with: ["resource", "labels"]) && subjectLabels.contains(path[2])
    }

    private mutating func narrow(_ relation: Filter.Comparison.Operator, _ moment: Int64) {
        switch relation {
        case .equal:
            earliest = max(earliest, moment)
            latest = min(latest, moment)
        case .less: latest = min(latest, moment - 1)
        case .lessOrEqual: latest = min(latest, moment)
        case .greater: earliest = max(earliest, moment + 1)
        case .greaterOrEqual: earliest = max(earliest, moment)
        case .notEqual, .has, .matches, .matchesNot: break
        }
    }
}
