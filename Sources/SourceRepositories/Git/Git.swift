import Foundation
import GoogleAPI
import HostPrograms
import NIOCore

/// The folder of repositories, and git itself at work in it.
///
/// Names of users never reach a path: a repository's folder is named by its ID. Git runs without the machine's and the
/// user's configuration and without hooks, and takes no object that `git fsck` finds dangerous.
struct Git: Sendable {
    let folder: URL

    private static let program = "git"

    /// Where git is; looked up when it is needed.
    ///
    /// - Throws: ``GoogleError`` `failedPrecondition` when the machine has none.
    private func program() throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        for place in path.split(separator: ":") {
            let candidate = "\(place)/\(Self.program)"
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        }
        throw GoogleError.gitMissing
    }

    func path(_ id: String) -> String { folder.appending(path: "\(id).git").path }

    /// What git is told, in place of any file of configuration.
    private static let settings = [
        ("safe.directory", "*"), ("core.hooksPath", "/dev/null"), ("protocol.allow", "never"),
        ("http.receivepack", "true"), ("http.getanyfile", "false"),
        ("receive.fsckObjects", "true"), ("fetch.fsckObjects", "true"),
        // Old histories have these, and they harm nobody.
        ("receive.fsck.zeroPaddedFilemode", "warn"), ("receive.fsck.missingSpaceBeforeDate", "warn"),
        ("fetch.fsck.zeroPaddedFilemode", "warn"), ("fetch.fsck.missingSpaceBeforeDate", "warn"),
        ("transfer.hideRefs", "refs/fetched"), ("receive.maxInputSize", "4g"), ("receive.advertisePushOptions", "true"),
        ("receive.autogc", "false"),
        ("uploadpack.allowFilter", "true"), ("uploadpack.allowReachableSHA1InWant", "true"),
        ("core.fsync", "committed,loose-object"), ("core.bigFileThreshold", "32m"),
        ("pack.threads", "1"), ("pack.windowMemory", "64m"),
    ]

    private static let environment: [String: String] = {
        var environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": String(settings.count),
        ]
        for (index, setting) in settings.enumerated() {
            environment["GIT_CONFIG_KEY_\(index)"] = setting.0
            environment["GIT_CONFIG_VALUE_\(index)"] = setting.1
        }
        return environment
    }()

    // MARK: Repositories

    /// Makes an empty repository.
    func create(_ id: String) async throws {
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let path = path(id)
        try await check(
            "make a repository",
            ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", path]
        )
        // An archive is what a clone would be, whatever the repository's own attributes say.
        try FileManager.default.createDirectory(atPath: path + "/info", withIntermediateDirectories: true)
        try Data("* -export-ignore -export-subst\n".utf8).write(to: URL(filePath: path + "/info/attributes"))
    }

    func remove(_ id: String) throws {
        let path = path(id)
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    }

    /// The IDs of the folders that are there.
    func folders() throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".git") }.map { String($0.dropLast(4)) }
    }

    /// The size of the objects, in bytes.
    func size(_ id: String) async throws -> Int64 {
        let counts = try await text(["count-objects", "-v"], in: id)
        let kibibytes = counts.split(separator: "\n").compactMap { line -> Int64? in
            let words = line.split(separator: " ")
            guard words.count == 2, ["size:", "size-pack:"].contains(words[0]) else { return nil }
            return Int64(words[1])
        }
        return kibibytes.reduce(0, +) * 1024
    }

    // MARK: References

    /// Branches and tags, by their full names, and the objects that they name.
    func references(_ id: String) async throws -> [String: String] {
        let lines = try await text(
            ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"],
            in: id
        )
        return Dictionary(
            lines.split(separator: "\n").compactMap { line in
                line.firstIndex(of: " ").map { (String(line[line.index(after: $0)...]), String(line[..<$0])) }
            },
            uniquingKeysWith: { $1 }
        )
    }

    /// Makes HEAD name a branch that is there, so that a clone has something checked out.
    func setHead(_ id: String, among references: [String: String]) async throws {
        let head = try await text(["symbolic-ref", "HEAD"], in: id).trimmingCharacters(in: .newlines)
        let branches = references.keys.filter { $0.hasPrefix("refs/heads/") }.sorted()
        guard references[head] == nil, let first = branches.first else { return }
        let preferred = ["refs/heads/main", "refs/heads/master"].first(where: branches.contains) ?? first
        try await check("set HEAD", ["-C", path(id), "symbolic-ref", "HEAD", preferred])
    }

    // MARK: Running

    /// One run of git in a repository.
    func process(_ arguments: [String], in id: String) throws -> HostProgram {
        HostProgram(
            try program(),
            ["--git-dir=\(path(id))"] + arguments,
            environment: Self.environment,
            folder: path(id)
        )
    }

    /// The CGI program that speaks git's protocol over HTTP.
    func backend(_ id: String, _ request: GitRequest, errors: FileHandle?) throws -> HostProgram {
        var environment = Self.environment
        environment["GIT_PROJECT_ROOT"] = folder.path
        environment["GIT_HTTP_EXPORT_ALL"] = "1"
        environment["PATH_INFO"] = "/\(id).git/\(request.path)"
        environment["REQUEST_METHOD"] = request.method
        environment["QUERY_STRING"] = request.query
        environment["REMOTE_USER"] = request.user
        environment["CONTENT_TYPE"] = request.contentType
        environment["HTTP_CONTENT_ENCODING"] = request.contentEncoding
        environment["GIT_PROTOCOL"] = request.protocolVersion
        return HostProgram(
            try program(),
            ["http-backend"],
            environment: environment,
            folder: folder.path,
            errors: errors.map { .file($0) } ?? .nowhere
        )
    }

    /// Where references from elsewhere are kept; clients neither see nor move them.
    static let fetched = "refs/fetched/"

    /// A fetch from a repository elsewhere; the only run of git that may use the network.
    func fetching(_ url: String, _ references: [String], in id: String) throws -> HostProgram {
        let mayUse = ["-c", "protocol.https.allow=always", "-c", "protocol.http.allow=always"]
        let limits = [
            "-c", "http.followRedirects=false", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30",
        ]
        var process = try process(
            mayUse + limits + ["fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules", "--", url]
                + references,
            in: id
        )
        let passed = [
            "HTTPS_PROXY", "https_proxy", "http_proxy", "NO_PROXY", "no_proxy", "GIT_SSL_CAINFO", "SSL_CERT_FILE",
        ]
        for name in passed { process.environment?[name] = ProcessInfo.processInfo.environment[name] }
        return process
    }

    /// What git prints; nil when it does not exit with 0.
    ///
    /// - Throws: `NIOTooManyBytesError` when it is more than `limit` bytes.
    func output(_ arguments: [String], in id: String, limit: Int = 64 << 20) async throws -> ByteBuffer? {
        let run = try await process(arguments, in: id).run { output, input in
            input.finish()
            return try await output.collect(upTo: limit)
        }
        return run.status == 0 ? run.result : nil
    }

    private func text(_ arguments: [String], in id: String) async throws -> String {
        guard let output = try await output(arguments, in: id) else {
            throw GoogleError.gitFailed("read the repository")
        }
        return String(buffer: output)
    }

    private func check(_ what: String, _ arguments: [String]) async throws {
        let process = HostProgram(
            try program(),
            arguments,
            environment: Self.environment,
            folder: folder.path
        )
        let run = try await process.run { output, input in
            input.finish()
            for try await _ in output {}
        }
        guard run.status == 0 else { throw GoogleError.gitFailed(what) }
    }
}

/// A request as git's CGI program is told of it.
struct GitRequest: Sendable {
    /// Below the repository: `info/refs`, `git-upload-pack`.
    var path: String
    var method: String
    var query: String
    var user: String
    var contentType: String?
    var contentEncoding: String?
    /// `version=2`.
    var protocolVersion: String?
}
