import BlobStore
package import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The one folder that a cloud lives in; `docs/data-folder.md` draws it.
///
/// Moving it moves the cloud; copying it while the cloud is down is a back-up.
package struct DataFolder: Sendable {
    /// The absolute path.
    package let path: String

    /// - Throws: ``SettingError`` when the path cannot be one of a folder.
    package init(path: String) throws {
        let here = URL(filePath: FileManager.default.currentDirectoryPath, directoryHint: .isDirectory)
        let absolute = URL(filePath: path, relativeTo: here).standardizedFileURL.path
        guard absolute != "/" else { throw SettingError("data folder: '/' cannot be it: give a folder of its own") }
        self.path = absolute.hasSuffix("/") ? String(absolute.dropLast()) : absolute
    }

    package var database: String { path + "/brume.sqlite" }
    package var blobs: String { path + "/blobs" }

    /// The files of one service: each sweeps only what it stored itself.
    func blobs(of service: String) throws -> BlobStore {
        try BlobStore(folder: URL(filePath: blobs).appending(path: service))
    }
    package var authority: String { path + "/ca" }
    package var keys: String { path + "/keys" }
    /// Hosted git repositories.
    package var repositories: String { path + "/repositories" }
    /// What `brume env` points clients to.
    package var client: String { path + "/client" }
    package var engine: String { path + "/engine" }
    package var tools: String { path + "/tools" }
    package var run: String { path + "/run" }
    package var logs: String { path + "/logs" }
    package var log: String { logs + "/brume.log" }
    package var state: String { run + "/daemon.json" }
    private var lock: String { run + "/lock" }
    private var clientLock: String { run + "/client.lock" }

    /// Makes the folder and its parts, readable by the owner alone.
    ///
    /// - Throws: ``SettingError`` when it cannot be written.
    package func create() throws {
        do {
            for folder in [path, blobs, repositories, authority, keys, client, engine, tools, run, logs] {
                try FileManager.default.createDirectory(
                    atPath: folder,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            }
        } catch {
            throw SettingError(
                "data folder: cannot write '\(path)': \(error.localizedDescription) Give another with --data DIR (BRUME_DATA)"
            )
        }
    }

    /// Takes the folder for this process until it ends, however it ends.
    ///
    /// - Throws: ``SettingError`` when another daemon has it.
    package func takeLock() throws {
        let descriptor = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SettingError("data folder: cannot open '\(lock)': \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw SettingError(
                "data folder: a daemon already runs on '\(path)': 'brume status' shows it, 'brume down' stops it"
            )
        }
    }

    /// Whether a daemon runs on this folder.
    package var isTaken: Bool {
        let descriptor = open(lock, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return true }
        return false
    }

    /// Blocks until no daemon runs on this folder any more.
    package func waitUntilFree() {
        let descriptor = open(lock, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
    }
}

extension DataFolder {
    /// Says that the clients' folder is being made, until ``ClientsHold/release()`` or the end of this process.
    func holdClients() throws -> ClientsHold {
        let descriptor = open(clientLock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0, flock(descriptor, LOCK_EX) == 0 else {
            throw SettingError("data folder: cannot lock '\(clientLock)': \(String(cString: strerror(errno)))")
        }
        return ClientsHold(descriptor: descriptor)
    }

    /// Blocks while the clients' folder is being made.
    package func waitForClients() {
        let descriptor = open(clientLock, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_SH) != 0 && errno == EINTR {}
    }
}

/// The daemon's word that the clients' folder is not complete yet.
struct ClientsHold: Sendable {
    fileprivate let descriptor: Int32

    func release() { close(descriptor) }
}

/// What a running daemon says of itself, for the command line.
package struct DaemonState: Codable, Sendable {
    package var pid: Int32
    package var port: Int
    package var version: String
    package var startTime: Date
    /// The container engine's socket, for the docker client; nil when there is none.
    package var engineSocket: String?

    /// The daemon that runs on a folder; nil when none does.
    package static func read(from folder: DataFolder) -> DaemonState? {
        guard folder.isTaken, let data = FileManager.default.contents(atPath: folder.state) else { return nil }
        return try? JSONDecoder().decode(DaemonState.self, from: data)
    }

    func write(to folder: DataFolder) throws {
        try JSONEncoder().encode(self).write(to: URL(filePath: folder.state), options: .atomic)
    }
}

extension DataFolder {
    /// Whether the folder holds a cloud; `brume reset` deletes nothing else.
    package var isCloud: Bool {
        FileManager.default.fileExists(atPath: database) && FileManager.default.fileExists(atPath: client)
    }

    /// Deletes the cloud's parts, and the folder itself when nothing else is in it.
    package func delete() throws {
        for part in [
            database, database + "-wal", database + "-shm", blobs, repositories, authority, keys, client, engine, tools,
            logs, run,
        ] {
            guard FileManager.default.fileExists(atPath: part) else { continue }
            do {
                try FileManager.default.removeItem(atPath: part)
            } catch {
                throw SettingError("cannot delete '\(part)': \(error.localizedDescription)")
            }
        }
        if try FileManager.default.contentsOfDirectory(atPath: path).isEmpty {
            try FileManager.default.removeItem(atPath: path)
        }
    }
}
