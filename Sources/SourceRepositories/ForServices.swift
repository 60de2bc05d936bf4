import APIServer
package import Foundation
import GoogleAPI
import HostPrograms
package import NIOCore

// What other services may ask of the repositories; they ask for themselves, so no permission is checked here.
extension SourceRepositories {
    /// The commit that a revision names: a full reference (`refs/heads/main`) or a commit's full or shortened name.
    ///
    /// - Returns: nil when the repository is there, but has no such revision.
    /// - Throws: ``GoogleError`` `notFound` (404) when there is no such repository.
    package func commit(_ revision: String, of name: String, in project: String) async throws -> String? {
        let repository = try await repository(name, in: project)
        let isCommit = (4...64).contains(revision.utf8.count) && revision.allSatisfy(\.isHexDigit)
        guard isCommit || revision == "HEAD" || revision.hasPrefix("refs/") else { return nil }
        // What is pushed here goes before what was fetched from elsewhere.
        let names =
            revision.hasPrefix("refs/") ? [revision, Git.fetched + revision.dropFirst("refs/".count)] : [revision]
        for name in names {
            let found = try await git.output(
                ["rev-parse", "--verify", "--quiet", "\(name)^{commit}"],
                in: repository.id
            )
            if let found { return String(buffer: found).trimmingCharacters(in: .newlines) }
        }
        return nil
    }

    /// A file as a commit has it; nil when it has none there.
    package func file(
        _ path: String,
        at commit: String,
        of name: String,
        in project: String,
        limit: Int
    ) async throws -> Data? {
        let repository = try await repository(name, in: project)
        let relative = path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        let found = try await git.output(
            ["cat-file", "blob", "\(commit):\(relative)"],
            in: repository.id,
            limit: limit
        )
        return found.map { Data($0.readableBytesView) }
    }

    /// The files of a commit, or of one of its folders, as a `.tar.gz`, made while it is read.
    package func archive(
        of name: String,
        at commit: String,
        folder: String,
        in project: String
    ) async throws -> AsyncThrowingStream<ByteBuffer, any Error> {
        let repository = try await repository(name, in: project)
        let relative = folder.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        let tree = relative.isEmpty ? commit : "\(commit):\(relative)"
        guard try await git.output(["cat-file", "-e", tree], in: repository.id) != nil else {
            throw GoogleError.notFound("The repository '\(name)' has no '\(relative)' at \(commit).")
        }
        let process = try git.process(["archive", "--format=tar.gz", "-1", tree], in: repository.id)
        return GitStream.make { write in
            let run = try await process.run { output, input in
                input.finish()
                for try await chunk in output { try await write(chunk) }
            }
            guard run.status == 0 else { throw GoogleError.gitFailed("make an archive of \(commit)") }
        }
    }

    /// The message of a commit.
    package func message(of commit: String, of name: String, in project: String) async throws -> String {
        let repository = try await repository(name, in: project)
        let found = try await git.output(["log", "-1", "--format=%B", commit, "--"], in: repository.id)
        return found.map { String(buffer: $0) } ?? ""
    }

    /// The files that a push changed.
    ///
    /// Of a new branch they are those of the commits that no other branch or tag has.
    package func changedFiles(
        of name: String,
        reference: String,
        from old: String?,
        to new: String,
        in project: String
    ) async throws -> [String] {
        let repository = try await repository(name, in: project)
        let arguments =
            if let old {
                ["diff", "--name-only", "--no-renames", "-z", old, new, "--"]
            } else {
                [
                    "log", "--format=", "--name-only", "--no-renames", "-m", "--first-parent", "-z", new, "--not",
                    "--exclude=\(reference)", "--glob=refs/heads", "--exclude=\(reference)", "--glob=refs/tags", "--",
                ]
            }
        let found = try await git.output(arguments, in: repository.id)
        let names = found.map { String(buffer: $0) } ?? ""
        return Array(Set(names.split(separator: "\0").map { $0.trimmingCharacters(in: .newlines) })).sorted()
    }

    /// Fetches branches and tags of a repository elsewhere, beside those that are pushed here; made when it is not there.
    ///
    /// - Parameter references: What to fetch besides: `refs/pull/1/head`.
    /// - Throws: ``GoogleError`` `failedPrecondition` (400) when it cannot be fetched.
    package func fetch(_ url: String, into name: String, in project: String, references: [String]) async throws {
        guard url.hasPrefix("https://") || url.hasPrefix("http://") else { throw GoogleError.notFetched(url) }
        let repository = try await repositories.ensure(name, in: project)
        let wanted = ["refs/heads/*", "refs/tags/*"] + references
        let process = try git.fetching(
            url,
            wanted.map { "+\($0):\(Git.fetched)\($0.dropFirst("refs/".count))" },
            in: repository.id
        )
        let run = try await process.run { output, input in
            input.finish()
            for try await _ in output {}
        }
        guard run.status == 0 else { throw GoogleError.notFetched(url) }
    }

    /// Whether a repository is there.
    package func has(_ name: String, in project: String) async throws -> Bool {
        try await store.find(name, in: project) != nil
    }

    private func repository(_ name: String, in project: String) async throws -> Repository {
        guard let repository = try await store.find(name, in: project) else {
            throw GoogleError.repositoryMissing(name, in: project)
        }
        return repository
    }
}
