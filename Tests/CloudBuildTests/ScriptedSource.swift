import CloudBuild
import Foundation
import GoogleAPI
import NIOCore
import Synchronization
import Workloads

/// Repositories as tests tell them: commits with files, and references that name them.
final class ScriptedSource: SourceCode {
    struct Commit: Sendable {
        var files: [String: String]
        var changed: [String]
        var message: String
    }

    private struct State {
        var commits: [String: Commit] = [:]
        var references: [SourceName: [String: String]] = [:]
        var fetched: [String] = []
    }

    private let state = Mutex(State())

    func commit(
        _ id: String,
        to reference: String,
        of repository: String = "app",
        files: [String: String],
        changed: [String]? = nil,
        message: String = "work"
    ) {
        state.withLock { state in
            state.commits[id] = Commit(files: files, changed: changed ?? files.keys.sorted(), message: message)
            state.references[SourceName(project: "demo", repository: repository), default: [:]][reference] = id
        }
    }

    var fetched: [String] { state.withLock(\.fetched) }

    func has(_ source: SourceName) async throws -> Bool { state.withLock { $0.references[source] != nil } }

    func commit(_ revision: String, of source: SourceName) async throws -> String? {
        state.withLock { $0.references[source]?[revision] ?? ($0.commits[revision] == nil ? nil : revision) }
    }

    func file(_ path: String, at commit: String, of source: SourceName, limit: Int) async throws -> Data? {
        state.withLock { $0.commits[commit]?.files[path].map { Data($0.utf8) } }
    }

    func archive(of source: SourceName, at commit: String, folder: String) async throws -> ByteStream {
        ByteStream { stream in
            stream.yield(ByteBuffer(string: "archive of \(commit)"))
            stream.finish()
        }
    }

    func changedFiles(of source: SourceName, reference: String, from old: String?, to new: String) async throws
        -> [String]
    {
        state.withLock { $0.commits[new]?.changed ?? [] }
    }

    func message(of commit: String, of source: SourceName) async throws -> String {
        state.withLock { $0.commits[commit]?.message ?? "" }
    }

    func fetch(_ url: String, into source: SourceName, references: [String]) async throws {
        state.withLock { state in
            state.fetched.append(url)
            if state.references[source] == nil { state.references[source] = [:] }
        }
    }
}
