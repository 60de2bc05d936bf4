import APIServer
import Crypto
import Foundation
import GoogleAPI
import Logging
import ServiceLifecycle

/// Starts the builds of events, one event after the other.
///
/// A build's ID follows from its event and its trigger, and an event is settled when all of its builds are rows: an
/// event that a killed daemon left half done starts only those builds that it had not started.
struct TriggerRunner: Service {
    let events: BuildEvents
    let triggers: TriggerStore
    let maker: TriggeredBuilds
    let logger: Logger

    func run() async throws {
        try await settleAll()
        for await _ in events.rings.cancelOnGracefulShutdown() { try await settleAll() }
    }

    private func settleAll() async throws {
        while !Task.isCancelled, let event = try await events.next() {
            do {
                try await start(event)
            } catch let error where !Task.isCancelled {
                logger.error("an event's builds cannot be started: \(error)", metadata: ["event": "\(event.id)"])
            }
            try Task.checkCancellation()
            try await events.settle(event.id)
        }
    }

    private func start(_ event: BuildEvents.Event) async throws {
        let all = try await triggers.all().filter { !$0.isDisabled }
        switch event.document["kind"]?.string {
        case "push": try await startPush(event, all)
        case "pullRequest": try await startPullRequest(event, all)
        case "webhook":
            guard let trigger = all.first(where: { $0.id == event.document["trigger"]?.string }) else { return }
            await startWebhook(event, trigger)
        default: break
        }
    }

    // MARK: Pushes

    private func startPush(_ event: BuildEvents.Event, _ all: [Trigger]) async throws {
        guard let place = SourceName(event.document), let reference = event.document["reference"]?.string,
            let new = event.document["new"]?.string
        else { return }
        let old = event.document["old"]?.string
        let matches = try await matches(all, of: place).filter { $0.accepts(reference: reference) }
        guard let first = matches.first else { return }
        try await maker.repositories.bringUpToDate(first.source)
        guard let commit = try await maker.repositories.code.commit(new, of: place) else { return }
        guard !TriggerMatch.isSkipped(try await maker.repositories.code.message(of: commit, of: place)) else { return }
        var files: [String]?
        for match in matches {
            if match.looksAtFiles {
                if files == nil {
                    files = try await maker.repositories.code.changedFiles(
                        of: place,
                        reference: reference,
                        from: old,
                        to: commit
                    )
                }
                guard match.accepts(files: files ?? []) else { continue }
            }
            await make(event, match.trigger, match.source, .init(reference: reference, commit: commit))
        }
    }

    private func matches(_ all: [Trigger], of place: SourceName) async throws -> [TriggerMatch] {
        var matches: [TriggerMatch] = []
        for trigger in all {
            guard trigger.push != nil || trigger.pullRequest != nil,
                let source = try? await maker.repositories.source(of: trigger),
                source.hosted.isSame(as: place, numbered: trigger.project.number)
            else { continue }
            matches.append(TriggerMatch(trigger: trigger, source: source))
        }
        return matches
    }

    // MARK: Pull requests and webhooks

    private func startPullRequest(_ event: BuildEvents.Event, _ all: [Trigger]) async throws {
        let document = event.document
        guard let place = SourceName(document), let base = document["base"]?.string,
            let number = document["number"]?.integer, let commit = document["commit"]?.string
        else { return }
        let matches = try await matches(all, of: place).filter {
            $0.accepts(
                pullRequestAgainst: base,
                isExternal: document["isExternal"]?.bool ?? false,
                comment: document["comment"]?.string
            )
        }
        guard let first = matches.first else { return }
        try await maker.repositories.bringUpToDate(first.source, references: ["refs/pull/\(number)/head"])
        let head = document["head"]?.string ?? ""
        for match in matches {
            if match.looksAtFiles {
                let start = try await maker.repositories.code.commit("refs/heads/\(base)", of: place)
                let files = try await maker.repositories.code.changedFiles(
                    of: place,
                    reference: "refs/pull/\(number)/head",
                    from: start,
                    to: commit
                )
                guard match.accepts(files: files) else { continue }
            }
            var cause = TriggeredBuilds.Cause(reference: "refs/heads/\(head)", commit: commit)
            cause.values = [
                "_PR_NUMBER": String(number), "_HEAD_BRANCH": head, "_BASE_BRANCH": base,
                "_HEAD_REPO_URL": document["headURL"]?.string ?? "",
            ]
            await make(event, match.trigger, match.source, cause)
        }
    }

    private func startWebhook(_ event: BuildEvents.Event, _ trigger: Trigger) async {
        var cause = TriggeredBuilds.Cause()
        cause.payload = event.document["body"]
        do {
            let source = try await maker.repositories.source(of: trigger)
            if let source {
                try await maker.repositories.bringUpToDate(source)
                let revision = trigger.revision ?? "refs/heads/main"
                guard let (reference, commit) = try await maker.repositories.find(revision, in: source.hosted) else {
                    throw GoogleError.revisionMissing(revision, source.fullName)
                }
                cause.reference = reference
                cause.commit = commit
            }
            await make(event, trigger, source, cause)
        } catch {
            await fail(event, trigger, cause, error)
        }
    }

    // MARK: Builds

    /// Makes a build; one that cannot be made is a failed one, for nobody else would say why.
    private func make(
        _ event: BuildEvents.Event,
        _ trigger: Trigger,
        _ source: Trigger.Source?,
        _ cause: TriggeredBuilds.Cause
    ) async {
        do {
            _ = try await maker.make(trigger, source, cause, id: Self.buildID(event, trigger))
        } catch {
            await fail(event, trigger, cause, error)
        }
    }

    private func fail(
        _ event: BuildEvents.Event,
        _ trigger: Trigger,
        _ cause: TriggeredBuilds.Cause,
        _ error: any Error
    ) async {
        guard !Task.isCancelled else { return }
        do {
            try await maker.builds.recordFailure(
                BuildFailure.describe(error),
                id: Self.buildID(event, trigger),
                trigger: trigger,
                commit: cause.commit
            )
        } catch {
            logger.error("a failed build cannot be recorded: \(error)", metadata: ["trigger": "\(trigger.name)"])
        }
    }

    /// The ID of the build of an event and a trigger, always the same.
    private static func buildID(_ event: BuildEvents.Event, _ trigger: Trigger) -> String {
        let seed = "\(event.id) \(event.time.timeIntervalSinceReferenceDate) \(trigger.id)"
        let bytes = Array(SHA256.hash(data: Data(seed.utf8)).prefix(16))
        let digits = bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        var parts: [Substring] = []
        var rest = Substring(digits)
        for length in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return parts.joined(separator: "-")
    }
}

extension SourceName {
    /// The repository that an event names.
    init?(_ event: JSON) {
        guard let project = event["project"]?.string, let repository = event["repository"]?.string else { return nil }
        self.init(project: project, repository: repository)
    }

    /// Whether both mean one repository: copies of GitHub's repositories are called alike in any case of letters, and
    /// clients name a project by its number too.
    func isSame(as other: SourceName, numbered number: Int64) -> Bool {
        (project == other.project || project == String(number))
            && repository.lowercased() == other.repository.lowercased()
    }
}
