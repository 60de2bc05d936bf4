import Foundation
import GoogleAPI

/// A rule of a repository about versions that go, or stay whatever others say.
///
/// See [cleanup policies](https://docs.cloud.google.com/artifact-registry/docs/repositories/cleanup-policy).
struct CleanupPolicy: Equatable, Sendable {
    enum Action: String, Sendable { case delete = "DELETE", keep = "KEEP" }

    enum TagState: String, Sendable { case tagged = "TAGGED", untagged = "UNTAGGED", any = "ANY" }

    /// All that is set must be true; of each list, one prefix.
    struct Condition: Equatable, Sendable {
        var tagState = TagState.any
        var tagPrefixes: [String] = []
        var versionNamePrefixes: [String] = []
        var packageNamePrefixes: [String] = []
        var olderThan: Duration?
        var newerThan: Duration?
    }

    enum Rule: Equatable, Sendable {
        case condition(Condition)
        /// The newest versions of each package, of those whose name begins so; no prefix: of all.
        case mostRecent(count: Int, packageNamePrefixes: [String])
    }

    var id: String
    var action: Action
    var rule: Rule

    /// The policies of a repository's document.
    ///
    /// - Throws: ``GoogleError`` (400) naming the policy that cannot be read.
    static func all(of repository: JSON) throws -> [CleanupPolicy] {
        try (repository["cleanupPolicies"]?.object ?? [:]).sorted { $0.key < $1.key }
            .map { try CleanupPolicy(id: $0.key, $0.value) }
    }

    private init(id: String, _ document: JSON) throws {
        func refuse(_ why: String) -> GoogleError { .badCleanupPolicy(id, why) }
        self.id = id
        guard let action = document["action"].flatMap(Action.init) else {
            throw refuse("must have the action DELETE or KEEP")
        }
        self.action = action
        let condition = document["condition"].flatMap { $0.object?.isEmpty ?? true ? nil : $0 }
        let recent = document["mostRecentVersions"].flatMap { $0.object?.isEmpty ?? true ? nil : $0 }
        switch (condition, recent) {
        case (let condition?, nil): rule = .condition(try Condition(condition, refuse))
        case (nil, let recent?):
            guard action == .keep else { throw refuse("can name mostRecentVersions with the action KEEP only") }
            guard let count = recent["keepCount"]?.integer, count > 0 else {
                throw refuse("must have a keepCount above 0")
            }
            rule = .mostRecent(count: Int(count), packageNamePrefixes: recent.texts("packageNamePrefixes"))
        default: throw refuse("must have a condition or mostRecentVersions, and not both")
        }
    }
}

extension CleanupPolicy.Action {
    /// Python's clients send the number of the enum.
    fileprivate init?(_ value: JSON) {
        switch value {
        case .string(let name): self.init(rawValue: name.uppercased())
        case 1: self = .delete
        case 2: self = .keep
        default: return nil
        }
    }
}

extension CleanupPolicy.Condition {
    fileprivate init(_ document: JSON, _ refuse: (String) -> GoogleError) throws {
        func duration(_ field: String) throws -> Duration? {
            guard let text = document[field]?.string else { return nil }
            guard text.hasSuffix("s"), let seconds = Double(text.dropLast()), seconds >= 0, seconds < 1e10 else {
                throw refuse("has the \(field) '\(text)', which is no duration such as '86400s'")
            }
            return .seconds(seconds)
        }
        guard document["moreStaleThan"] == nil else {
            throw GoogleError(
                .unimplemented,
                reason: "notImplemented",
                message: "Brume does not note when versions were pulled: 'moreStaleThan' cannot be a condition."
            )
        }
        switch document["tagState"] {
        case nil, "TAG_STATE_UNSPECIFIED", 0: break
        case let stated?:
            let names = [1: CleanupPolicy.TagState.tagged, 2: .untagged, 3: .any]
            let state = stated.string.flatMap { CleanupPolicy.TagState(rawValue: $0.uppercased()) }
            guard let state = state ?? stated.integer.flatMap({ names[Int($0)] }) else {
                throw refuse("has a tagState that is none of TAGGED, UNTAGGED and ANY")
            }
            tagState = state
        }
        tagPrefixes = document.texts("tagPrefixes")
        versionNamePrefixes = document.texts("versionNamePrefixes")
        packageNamePrefixes = document.texts("packageNamePrefixes")
        guard tagPrefixes.isEmpty || tagState != .untagged else {
            throw refuse("names tagPrefixes, which untagged versions do not have")
        }
        olderThan = try duration("olderThan")
        newerThan = try duration("newerThan")
    }

    func accepts(_ version: ArtifactVersion, at time: Date) -> Bool {
        let age = Duration.seconds(time.timeIntervalSince(version.createTime))
        let isOfState =
            switch tagState {
            case .any: true
            case .tagged: !version.tags.isEmpty
            case .untagged: version.tags.isEmpty
            }
        return isOfState && olderThan.map { age > $0 } ?? true && newerThan.map { age < $0 } ?? true
            && (tagPrefixes.isEmpty || version.tags.contains { $0.begins(withOneOf: tagPrefixes) })
            && (versionNamePrefixes.isEmpty || version.name.begins(withOneOf: versionNamePrefixes))
            && (packageNamePrefixes.isEmpty || version.place.image.begins(withOneOf: packageNamePrefixes))
    }
}

extension String {
    fileprivate func begins(withOneOf prefixes: [String]) -> Bool { prefixes.contains { hasPrefix($0) } }
}

extension JSON {
    fileprivate func texts(_ field: String) -> [String] { (self[field]?.array ?? []).compactMap(\.string) }
}

/// Which versions of a repository its policies remove.
enum CleanupPlan {
    /// The versions that some policy deletes and none keeps; an index before the images it holds.
    ///
    /// An image that a remaining index holds remains, too.
    static func doomed(
        _ versions: [ArtifactVersion],
        by policies: [CleanupPolicy],
        at time: Date
    ) -> [ArtifactVersion] {
        let kept = policies.filter { $0.action == .keep }.reduce(into: Set<Key>()) {
            $0.formUnion(selected(versions, by: $1, at: time))
        }
        let deleted = policies.filter { $0.action == .delete }.reduce(into: Set<Key>()) {
            $0.formUnion(selected(versions, by: $1, at: time))
        }
        var doomed = deleted.subtracting(kept)
        // What stays keeps what it holds, and that in its turn what it holds.
        var held = versions.filter { !doomed.contains(Key($0)) }
        while !held.isEmpty {
            let children = Set(held.flatMap { parent in parent.children.map { Key(parent.place, $0) } })
            held = versions.filter { doomed.contains(Key($0)) && children.contains(Key($0)) }
            doomed.subtract(held.map(Key.init))
        }
        return parentsFirst(versions.filter { doomed.contains(Key($0)) })
    }

    private static func parentsFirst(_ versions: [ArtifactVersion]) -> [ArtifactVersion] {
        var rest = versions
        var ordered: [ArtifactVersion] = []
        while !rest.isEmpty {
            let children = Set(rest.flatMap { parent in parent.children.map { Key(parent.place, $0) } })
            let free = rest.filter { !children.contains(Key($0)) }
            guard !free.isEmpty else { return ordered + rest }
            ordered += free
            rest.removeAll { !children.contains(Key($0)) }
        }
        return ordered
    }

    private static func selected(
        _ versions: [ArtifactVersion],
        by policy: CleanupPolicy,
        at time: Date
    ) -> Set<Key> {
        switch policy.rule {
        case .condition(let condition): return Set(versions.filter { condition.accepts($0, at: time) }.map(Key.init))
        case .mostRecent(let count, let prefixes):
            let packages = Dictionary(grouping: versions, by: \.place).filter { place, _ in
                prefixes.isEmpty || place.image.begins(withOneOf: prefixes)
            }
            return Set(
                packages.values.flatMap { $0.sorted { $0.createTime > $1.createTime }.prefix(count).map(Key.init) }
            )
        }
    }

    private struct Key: Hashable {
        var place: RegistryPlace
        var name: String

        init(_ place: RegistryPlace, _ name: String) {
            self.place = place
            self.name = name
        }

        init(_ version: ArtifactVersion) { self.init(version.place, version.name) }
    }
}
