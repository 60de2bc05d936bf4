import BrumeServer
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The pipe by which a daemon in the background tells the command that started it: `ready`, or what went wrong.
struct Starter {
    private static let variable = "BRUME_STARTER_FD"
    private let descriptor: Int32
    /// `POSIX_SPAWN_SETSID`, which the Glibc module leaves out.
    private static let newSessionFlag: Int16 = 0x80

    /// The pipe of the command that started this daemon; nil when a person did.
    static func fromEnvironment() -> Starter? {
        guard let text = ProcessInfo.processInfo.environment[variable], let descriptor = Int32(text) else { return nil }
        unsetenv(variable)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return Starter(descriptor: descriptor)
    }

    /// Tells the starting command, once, and lets it go.
    func report(_ text: String) {
        _ = text.withCString { write(descriptor, $0, strlen($0)) }
        close(descriptor)
    }

    /// Starts this program in a session of its own, with its output in `log`, and waits for its report.
    ///
    /// - Returns: The report; empty when the daemon ended without one.
    static func spawn(arguments: [String], log: String) throws -> String {
        var pipeEnds: [Int32] = [0, 0]
        guard pipe(&pipeEnds) == 0 else { throw SettingError("cannot start the daemon: no pipe to be had") }
        defer { close(pipeEnds[0]) }
        _ = fcntl(pipeEnds[0], F_SETFD, FD_CLOEXEC)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, newSessionFlag)

        let program = try executablePath()
        var environment = ProcessInfo.processInfo.environment
        environment[variable] = String(pipeEnds[1])
        let argv = ([program] + arguments).map { strdup($0) } + [nil]
        let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, program, &actions, &attributes, argv, envp)
        close(pipeEnds[1])
        guard status == 0 else {
            throw SettingError("cannot start the daemon '\(program)': \(String(cString: strerror(status)))")
        }
        return readToEnd(pipeEnds[0])
    }

    private static func readToEnd(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count > 0 { bytes += chunk[..<count] } else if count == 0 || errno != EINTR { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func executablePath() throws -> String {
        guard let path = Bundle.main.executablePath else { throw SettingError("cannot find this program's own file") }
        return path
    }
}
