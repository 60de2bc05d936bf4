import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Workloads

/// The sockets behind which steps find the engine: one for each workload that is under way.
actor StepSockets {
    private let folder: String
    private var listeners: [WorkloadName: Task<any Channel, any Error>] = [:]
    private var doors: [WorkloadName: OpenDoors] = [:]

    /// - Parameter folder: On the engine's machine; short, because sockets lie in it.
    init(folder: String) { self.folder = folder }

    /// The folder that steps have for their socket. It is the folder that is mounted, so that a socket which a new daemon
    /// makes in it is found by steps that run already.
    nonisolated func folder(of name: WorkloadName) -> String { "\(folder)/\(name)" }

    nonisolated func path(of name: WorkloadName) -> String { folder(of: name) + "/" + Self.fileName }

    static let fileName = "s"
    /// Where steps see the folder.
    static let mountPath = "/builder/engine"
    /// Where they look for the engine: a link to the socket.
    static let links = ["/var/run/docker.sock": "\(mountPath)/\(fileName)"]

    /// Lets steps in; a socket that is open already stays as it is.
    func open(_ rules: StepRules) async throws {
        let (folder, path) = (folder(of: rules.name), path(of: rules.name))
        let open = doors[rules.name] ?? OpenDoors()
        doors[rules.name] = open
        let listener = listeners[rules.name] ?? Task { try await Self.listen(at: path, in: folder, rules, open) }
        listeners[rules.name] = listener
        do {
            _ = try await listener.value
        } catch {
            listeners[rules.name] = nil
            throw error
        }
    }

    private static func listen(
        at path: String,
        in folder: String,
        _ rules: StepRules,
        _ open: OpenDoors
    ) async throws -> any Channel {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o711]
        )
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                open.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)
                    try channel.pipeline.syncOperations.addHandlers(ByteToMessageHandler(decoder), StepDoor(rules))
                }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        // Steps may run as any user; nobody else on the machine reaches the folder.
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
        return channel
    }

    func close(_ name: WorkloadName) async {
        try? await listeners.removeValue(forKey: name)?.value.close()
        await doors.removeValue(forKey: name)?.close()
        try? FileManager.default.removeItem(atPath: folder(of: name))
    }

    func closeAll() async {
        for listener in listeners.values { try? await listener.value.close() }
        listeners = [:]
    }
}

/// The connections of one socket: they end with it, so that nothing is made after the last look at what is left.
private final class OpenDoors: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        channels.withLock { $0[id] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in _ = self?.channels.withLock { $0.removeValue(forKey: id) } }
    }

    func close() async {
        for channel in channels.withLock({ Array($0.values) }) { try? await channel.close() }
    }
}
