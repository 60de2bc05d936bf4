import Foundation
import GoogleAPI
import NIOHTTP1
import NIOCore
package import Workloads

extension DockerEngine {
    package func logs(
        of name: WorkloadName,
        part: String,
        follow: Bool
    ) async throws -> AsyncThrowingStream<LogChunk, any Error> {
        guard try await status(of: name)?[part] != nil else {
            throw EngineError.notFound("There is no workload '\(name)' with a part '\(part)'.")
        }
        return pulledStream { [self] handover in
            if follow { try await waitUntilStarted(name, part) }
            guard let container = try await containers(of: name).first(where: { $0.part.name == part }),
                container.hasStarted
            else { return }
            var query = ["stdout": "1", "stderr": "1"]
            if follow { query["follow"] = "1" }
            try await host.client().stream(.GET, "/containers/\(container.id)/logs", query: query) { chunks in
                var decoder = OutputDecoder(isFramed: !container.hasTerminal)
                while let bytes = try await chunks.next() {
                    for chunk in decoder.decode(bytes) { guard await handover.send(chunk) else { return } }
                }
            }
        }
    }

    private func waitUntilStarted(_ name: WorkloadName, _ part: String) async throws {
        let events = try await hub.subscribe()
        if try await status(of: name)?[part]?.state != .waiting { return }
        for try await event in events where event.name == name {
            if try await status(of: name)?[part]?.state != .waiting { return }
        }
    }

    package func exec(_ command: ExecSpec, in name: WorkloadName, part: String) async throws -> any ExecSession {
        let container = try await container(name, part)
        var body: JSON = [
            "AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
            "Cmd": JSON(container.virtualMachine?.entering(command.command) ?? command.command),
            "Tty": .bool(command.terminal != nil),
            "Env": JSON(command.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }),
        ]
        if let user = command.user { body["User"] = .string(user) }
        let docker = try await host.client()
        do {
            let made = try await docker.call(.POST, "/containers/\(container.id)/exec", .json(body))
            guard let id = made["Id"]?.string else { throw EngineError.refused("The engine made no session.") }
            return try await DockerSession.start(id, docker, terminal: command.terminal)
        } catch let failure as DockerClient.Failure {
            throw EngineError.refused(failure.message)
        }
    }
}

/// A command inside a container.
final class DockerSession: ExecSession {
    let output: AsyncThrowingStream<LogChunk, any Error>
    private let id: String
    private let docker: DockerClient
    private let hasTerminal: Bool
    private let input: NIOAsyncChannelOutboundWriter<ByteBuffer>

    private init(
        id: String,
        docker: DockerClient,
        hasTerminal: Bool,
        input: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        output: AsyncThrowingStream<LogChunk, any Error>
    ) {
        self.id = id
        self.docker = docker
        self.hasTerminal = hasTerminal
        self.input = input
        self.output = output
    }

    static func start(
        _ id: String,
        _ docker: DockerClient,
        terminal: ExecSpec.TerminalSize?
    ) async throws -> DockerSession {
        let (opened, opening) = AsyncThrowingStream<NIOAsyncChannelOutboundWriter<ByteBuffer>, any Error>.makeStream()
        let hasTerminal = terminal != nil
        let output = pulledStream { (handover: Handover<LogChunk>) in
            do {
                let body: JSON = ["Detach": false, "Tty": .bool(hasTerminal)]
                try await docker.hijack("/exec/\(id)/start", json: body) { chunks, first, writer in
                    opening.yield(writer)
                    opening.finish()
                    var chunks = chunks
                    var decoder = OutputDecoder(isFramed: !hasTerminal)
                    var bytes: ByteBuffer? = first
                    while let piece = bytes {
                        for chunk in decoder.decode(piece) { guard await handover.send(chunk) else { return } }
                        bytes = try await chunks.next()
                    }
                }
            } catch {
                opening.finish(throwing: error)
                throw error
            }
        }
        for try await writer in opened {
            let session = DockerSession(
                id: id,
                docker: docker,
                hasTerminal: hasTerminal,
                input: writer,
                output: output
            )
            if let terminal { try? await session.resize(to: terminal) }
            return session
        }
        throw EngineError.unreachable
    }

    func write(_ bytes: ByteBuffer) async throws { try await input.write(bytes) }

    /// Closing the connection would end a terminal's session without an exit code: Ctrl-D ends its input instead.
    func finishInput() async throws {
        if hasTerminal { try await input.write(ByteBuffer(bytes: [4])) } else { input.finish() }
    }

    func resize(to size: ExecSpec.TerminalSize) async throws {
        let query = ["h": String(size.rows), "w": String(size.columns)]
        do {
            try await docker.call(.POST, "/exec/\(id)/resize", query: query)
        } catch let failure as DockerClient.Failure {
            throw EngineError.refused(failure.message)
        }
    }

    func exitCode() async throws -> Int32 {
        while true {
            let state = try await docker.call(.GET, "/exec/\(id)/json")
            if let code = state["ExitCode"]?.integer, state["Running"]?.bool == false { return Int32(clamping: code) }
            // The engine tells the end of a session nowhere else in 1.41.
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
