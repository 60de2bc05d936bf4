/// A predefined role: a name for permissions.
///
/// Permissions are written as patterns (`storage.*`, `*.get`), so that a new method needs no new line here.
struct Role: Sendable, Equatable {
    var name: String
    var title: String
    var description: String
    private var included: [PermissionPattern]
    private var excluded: [PermissionPattern]

    init(_ name: String, _ title: String, _ description: String, _ included: [String], except excluded: [String] = []) {
        self.name = name
        self.title = title
        self.description = description
        self.included = included.map(PermissionPattern.init)
        self.excluded = excluded.map(PermissionPattern.init)
    }

    func grants(_ permission: String) -> Bool {
        included.contains { $0.matches(permission) } && !excluded.contains { $0.matches(permission) }
    }

    /// What the role includes, as patterns.
    var patterns: [String] { included.map(\.text) }

    static func named(_ name: String) -> Role? { byName[name] }

    private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
}

/// A permission, or a pattern with one `*` for any text.
struct PermissionPattern: Sendable, Equatable {
    private let prefix: String
    /// nil: the prefix is the whole permission.
    private let suffix: String?

    init(_ text: String) {
        let parts = text.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
        prefix = String(parts[0])
        suffix = parts.count == 2 ? String(parts[1]) : nil
    }

    func matches(_ permission: String) -> Bool {
        guard let suffix else { return permission == prefix }
        return permission.utf8.count >= prefix.utf8.count + suffix.utf8.count
            && permission.hasPrefix(prefix) && permission.hasSuffix(suffix)
    }

    var text: String { suffix.map { "\(prefix)*\($0)" } ?? prefix }
}
