import APIServer
import CloudBuild
import Foundation
import GRDB
import GoogleAPI
import IAM
import SourceRepositories
import Workloads

extension IAM: SourceAccounts {}

/// Pushes to hosted repositories, as what triggers wait for.
struct PushesAsBuildEvents: PushRecorder {
    let events: BuildEvents

    func record(_ pushes: [Push], in db: Database) throws {
        for push in pushes {
            try events.recordPush(
                to: SourceName(project: push.project.id, repository: push.repository),
                reference: push.reference,
                from: push.old,
                to: push.new,
                at: push.time,
                in: db
            )
        }
    }

    func wake() { events.wake() }
}

/// Hosted repositories, as builds read them.
struct HostedSourceCode: SourceCode {
    let sources: SourceRepositories

    func has(_ source: SourceName) async throws -> Bool {
        try await sources.has(source.repository, in: source.project)
    }

    func commit(_ revision: String, of source: SourceName) async throws -> String? {
        try await sources.commit(revision, of: source.repository, in: source.project)
    }

    func file(_ path: String, at commit: String, of source: SourceName, limit: Int) async throws -> Data? {
        try await sources.file(path, at: commit, of: source.repository, in: source.project, limit: limit)
    }

    func archive(of source: SourceName, at commit: String, folder: String) async throws -> ByteStream {
        try await sources.archive(of: source.repository, at: commit, folder: folder, in: source.project)
    }

    func changedFiles(
        of source: SourceName,
        reference: String,
        from old: String?,
        to new: String
    ) async throws -> [String] {
        try await sources.changedFiles(
            of: source.repository,
            reference: reference,
            from: old,
            to: new,
            in: source.project
        )
    }

    func message(of commit: String, of source: SourceName) async throws -> String {
        try await sources.message(of: commit, of: source.repository, in: source.project)
    }

    func fetch(_ url: String, into source: SourceName, references: [String]) async throws {
        try await sources.fetch(url, into: source.repository, in: source.project, references: references)
    }
}
