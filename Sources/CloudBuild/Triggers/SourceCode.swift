package import Foundation
package import Workloads

/// A hosted git repository.
package struct SourceName: Sendable, Hashable {
    /// The project's ID.
    package var project: String
    package var repository: String

    package init(project: String, repository: String) {
        self.project = project
        self.repository = repository
    }
}

/// The git repositories that builds are made from.
package protocol SourceCode: Sendable {
    func has(_ source: SourceName) async throws -> Bool

    /// The commit that a revision names: `refs/heads/main`, `refs/tags/v1`, or a commit's name.
    ///
    /// - Returns: nil when the repository has no such revision.
    func commit(_ revision: String, of source: SourceName) async throws -> String?

    /// A file as a commit has it; nil when it has none there.
    ///
    /// - Parameter limit: More bytes are an error.
    func file(_ path: String, at commit: String, of source: SourceName, limit: Int) async throws -> Data?

    /// A commit's files, or those of one of its folders, as a `.tar.gz`.
    func archive(of source: SourceName, at commit: String, folder: String) async throws -> ByteStream

    /// The files that a push of `reference` changed; `old` is nil for a new reference.
    func changedFiles(of source: SourceName, reference: String, from old: String?, to new: String) async throws
        -> [String]

    /// The message of a commit.
    func message(of commit: String, of source: SourceName) async throws -> String

    /// Brings a copy of a repository elsewhere up to date; made when it is not there.
    ///
    /// - Parameters:
    ///   - url: An `https:` or `http:` address.
    ///   - references: What to fetch besides branches and tags: `refs/pull/1/head`.
    /// - Throws: ``GoogleError`` when it cannot be fetched.
    func fetch(_ url: String, into source: SourceName, references: [String]) async throws
}
