import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import HostPrograms
import Hummingbird
import NIOCore

/// Git's smart protocol over HTTP, see [gitprotocol-http](https://git-scm.com/docs/gitprotocol-http).
///
/// `git http-backend` speaks it; bytes are streamed through it in both directions. What is pushed is told of before
/// the client hears that it was taken.
struct GitDoor: Sendable {
    let store: RepositoryStore
    let git: Git
    let ledger: PushLedger
    let projects: any ProjectDirectory
    let authorizer: any Authorizer

    /// A repository as git's clients write it.
    struct Input: MethodInput {
        var project: String
        var repo: String
        var resource: ResourceName { ResourceName(["projects", project, "repos", repo]) }

        init(from call: Call) async throws {
            project = try call.parameter("project")
            let name = try call.parameter("repo")
            repo = name.hasSuffix(".git") ? String(name.dropLast(4)) : name
        }
    }

    enum Service: String { case uploadPack = "git-upload-pack", receivePack = "git-receive-pack" }

    func refs(_ input: Input, _ call: Call) async throws -> Response {
        guard let name = call.query("service"), let service = Service(rawValue: name) else {
            throw GoogleError(
                .permissionDenied,
                reason: "forbidden",
                message: "Brume speaks git's smart protocol only: use a git of this century."
            )
        }
        let repository = try await find(input, for: service, as: call.caller)
        let process = try git.backend(
            repository.id,
            request("info/refs", "service=\(service.rawValue)", call),
            errors: nil
        )
        return answer("application/x-\(service.rawValue)-advertisement", process, body: nil)
    }

    func uploadPack(_ input: Input, _ call: Call) async throws -> Response {
        let repository = try await find(input, for: .uploadPack, as: call.caller)
        try checkType(of: call, .uploadPack)
        let process = try git.backend(repository.id, request(Service.uploadPack.rawValue, "", call), errors: nil)
        return answer("application/x-git-upload-pack-result", process, body: call.request.body)
    }

    /// Takes a push; references move one push at a time, and every move is in the rows before the answer.
    func receivePack(_ input: Input, _ call: Call) async throws -> Response {
        let repository = try await find(input, for: .receivePack, as: call.caller)
        try checkType(of: call, .receivePack)
        let request = request(Service.receivePack.rawValue, "", call)
        let body = call.request.body
        let output = try await ledger.taking(repository) { lock, turn in
            let process = try git.backend(repository.id, request, errors: lock)
            return try await process.run { output, input in
                async let sent: Void = Self.feed(body, to: input, beforeTheLast: turn)
                let answer = try await output.collect(upTo: Self.longestReport)
                try await sent
                return answer
            }.result
        }
        return Self.response(output)
    }

    /// The report on a push names every reference once.
    private static let longestReport = 16 << 20

    /// Streams a request on, and waits for its turn before git can have read all of it.
    private static func feed(
        _ body: RequestBody,
        to input: HostProgram.Input,
        beforeTheLast turn: @Sendable () async -> Void
    ) async throws {
        var held: ByteBuffer?
        for try await chunk in body {
            if let ready = held { try await write(ready, to: input) }
            held = chunk
        }
        await turn()
        if let held { try await write(held, to: input) }
        input.finish()
    }

    /// Git may end before it has read everything, when it refuses a push; its answer says why.
    private static func write(_ bytes: ByteBuffer, to input: HostProgram.Input) async throws {
        do {
            try await input.write(bytes)
        } catch {
            try Task.checkCancellation()
        }
    }

    // MARK: Answers

    private func answer(_ type: String, _ process: HostProgram, body: RequestBody?) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type, .cacheControl: "no-cache, max-age=0, must-revalidate"],
            body: ResponseBody { writer in
                let relay = Relay(writer)
                let run = try await process.run { output, input in
                    async let sent: Void = Self.feed(body ?? RequestBody(buffer: ByteBuffer()), to: input) {}
                    var head = CGIHead()
                    for try await chunk in output {
                        guard let rest = try head.strip(chunk) else { continue }
                        try await relay.write(rest)
                    }
                    try await sent
                }
                guard run.status == 0 else { throw GoogleError.gitFailed("answer") }
                try await relay.finish()
            }
        )
    }

    private static func response(_ output: ByteBuffer) -> Response {
        var head = CGIHead()
        guard let body = try? head.strip(output) else {
            return Response(status: .internalServerError, body: .init(byteBuffer: .init(string: "git said nothing\n")))
        }
        return Response(
            status: head.status,
            headers: [.contentType: head.contentType ?? "text/plain", .cacheControl: "no-cache"],
            body: .init(byteBuffer: body)
        )
    }

    // MARK: Checks

    private func find(_ input: Input, for service: Service, as caller: Caller) async throws -> Repository {
        let permission = service == .uploadPack ? "source.repos.get" : "source.repos.update"
        try await authorizer.authorize(caller, for: permission, on: input.resource)
        let project = try await projects.project(input.project)
        guard let repository = try await store.find(input.repo, in: project.id) else {
            throw GoogleError.repositoryMissing(input.repo, in: project.id)
        }
        return repository
    }

    private func checkType(of call: Call, _ service: Service) throws {
        let type = "application/x-\(service.rawValue)-request"
        guard call.headers[.contentType] == type else {
            throw GoogleError(
                .invalidArgument,
                reason: "INVALID_ARGUMENT",
                message: "The Content-Type must be '\(type)'.",
                httpStatus: 415
            )
        }
    }

    private func request(_ path: String, _ query: String, _ call: Call) -> GitRequest {
        let version = HTTPField.Name("Git-Protocol").flatMap { call.headers[$0] }
        return GitRequest(
            path: path,
            method: call.request.method.rawValue,
            query: query,
            user: call.caller.email ?? "anonymous",
            contentType: call.headers[.contentType],
            contentEncoding: call.headers[.contentEncoding],
            // What goes into the environment is one of two known texts.
            protocolVersion: version.flatMap { ["version=1", "version=2"].contains($0) ? $0 : nil }
        )
    }
}

/// Writes an answer from inside a closure that is handed to git's run.
private final class Relay: @unchecked Sendable {
    // Only the one task that reads git's output writes.
    private var writer: any ResponseBodyWriter

    init(_ writer: any ResponseBodyWriter) { self.writer = writer }

    func write(_ buffer: ByteBuffer) async throws { try await writer.write(buffer) }
    func finish() async throws { try await writer.finish(nil) }
}

/// The head of a CGI program's output: header lines up to an empty one.
struct CGIHead: Sendable {
    private(set) var status: HTTPResponse.Status = .ok
    private(set) var contentType: String?
    private var pending = ByteBuffer()
    private var isComplete = false

    /// What of a chunk belongs to the body; nil as long as nothing does.
    ///
    /// - Throws: ``GoogleError`` `internal` when the head has no end.
    mutating func strip(_ chunk: ByteBuffer) throws -> ByteBuffer? {
        if isComplete { return chunk }
        var chunk = chunk
        pending.writeBuffer(&chunk)
        while let end = pending.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            let length = end - pending.readerIndex
            let line = (pending.readString(length: length) ?? "").trimmingCharacters(in: .whitespaces)
            pending.moveReaderIndex(forwardBy: 1)
            if line.trimmingCharacters(in: .newlines).isEmpty {
                isComplete = true
                return pending.readableBytes > 0 ? pending.slice() : ByteBuffer()
            }
            read(line.trimmingCharacters(in: .newlines))
        }
        guard pending.readableBytes < 16 << 10 else { throw GoogleError.gitFailed("answer") }
        return nil
    }

    private mutating func read(_ line: String) {
        let pair = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
        guard pair.count == 2 else { return }
        switch pair[0].lowercased() {
        case "status": status = .init(code: Int(pair[1].prefix { $0.isNumber }) ?? 500)
        case "content-type": contentType = pair[1]
        default: break
        }
    }
}
