import Foundation
import GoogleAPI

/// Whether an event moves a trigger.
struct TriggerMatch: Sendable {
    let trigger: Trigger
    let source: Trigger.Source

    /// Whether a branch or tag is one that the trigger waits for.
    func accepts(reference: String) -> Bool {
        guard let push = trigger.push else { return false }
        for (prefix, pattern) in [("refs/heads/", push.branch), ("refs/tags/", push.tag)] {
            guard let pattern, reference.hasPrefix(prefix), let expression = try? RE2Pattern(pattern) else { continue }
            return expression.isFound(in: String(reference.dropFirst(prefix.count))) != push.isInverted
        }
        return false
    }

    /// Whether the changed files are such as the trigger builds for; no changed files are no reason against.
    func accepts(files: [String]) -> Bool {
        let ignored = globs("ignoredFiles")
        let included = globs("includedFiles")
        guard !files.isEmpty else { return true }
        let counting = files.filter { file in !ignored.contains { $0.accepts(file) } }
        guard !included.isEmpty else { return !counting.isEmpty }
        return counting.contains { file in included.contains { $0.accepts(file) } }
    }

    var looksAtFiles: Bool { !globs("ignoredFiles").isEmpty || !globs("includedFiles").isEmpty }

    private func globs(_ field: String) -> [FileGlob] {
        (trigger.document[field]?.array ?? []).compactMap { $0.string.flatMap { try? FileGlob($0) } }
    }

    /// Whether a pull request against `base` is one that the trigger builds; `comment` is what a person of the
    /// repository wrote last.
    func accepts(pullRequestAgainst base: String, isExternal: Bool, comment: String?) -> Bool {
        guard let request = trigger.pullRequest, let pattern = request["branch"]?.string,
            let expression = try? RE2Pattern(pattern)
        else { return false }
        guard expression.isFound(in: base) != (request["invertRegex"]?.bool ?? false) else { return false }
        let isAsked = comment?.contains("/gcbrun") ?? false
        switch request["commentControl"]?.string {
        case "COMMENTS_ENABLED": return isAsked
        case "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY": return isExternal ? isAsked : comment == nil || isAsked
        default: return comment == nil || isAsked
        }
    }

    /// Whether a commit asks not to be built.
    static func isSkipped(_ message: String) -> Bool {
        let words = message.lowercased()
        return words.contains("[skip ci]") || words.contains("[ci skip]")
    }
}
