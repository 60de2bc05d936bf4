import GoogleAPI

extension GoogleError {
    static func unparseableFilter(_ problem: String, at offset: Int) -> GoogleError {
        .invalid("Unparseable filter: \(problem) at character \(offset + 1).")
    }

    static func badFilterValue(_ value: String, field: String, expected: String) -> GoogleError {
        .invalid("Invalid filter: '\(value)' cannot be compared with \(field): give \(expected).")
    }

    static func badLogName(_ name: String) -> GoogleError {
        .invalid("'\(name)' is no log name: write projects/PROJECT_ID/logs/LOG_ID, the log ID percent-encoded.")
    }

    static func badResourceName(_ name: String) -> GoogleError {
        .invalid(
            "'\(name)' is no resource to read entries of: write projects/PROJECT_ID or one of its log buckets' views."
        )
    }

    static var resourceNamesMissing: GoogleError {
        .invalid("The request names no resource: give resourceNames, such as projects/PROJECT_ID.")
    }

    static var severalProjects: GoogleError {
        .invalid("One call reads or writes the entries of one project: send one call for each project.")
    }

    static func badOrder(_ text: String) -> GoogleError {
        .invalid("'\(text)' is no order of entries: use 'timestamp asc' or 'timestamp desc'.")
    }

    static var badPageToken: GoogleError {
        .invalid("The page token is not one that entries:list gave: begin without one.")
    }

    static func badEntry(_ index: Int, _ problem: String) -> GoogleError {
        .invalid("Invalid entry [\(index)]: \(problem)")
    }

    static func logNotFound(_ name: String) -> GoogleError {
        .notFound("The log '\(name)' has no entries.")
    }
}
