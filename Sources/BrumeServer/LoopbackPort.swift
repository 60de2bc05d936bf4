import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A TCP port of 127.0.0.1.
struct LoopbackPort {
    enum State: Equatable {
        case free
        /// The user may not listen there.
        case forbidden
        /// By whom, as far as this user may know: `nginx (pid 812)`.
        case taken(by: String?)
    }

    private let port: Int

    init(_ port: Int) { self.port = port }

    /// Tries to listen, and lets go at once.
    func state() -> State {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(clamping: port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let descriptor = socket(AF_INET, SocketKind.stream, 0)
        guard descriptor >= 0 else { return .free }
        defer { close(descriptor) }
        // As the daemon does: what a closed connection leaves behind takes no port.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status != 0 else { return listen(descriptor, 1) == 0 ? .free : .taken(by: user()) }
        return errno == EACCES ? .forbidden : .taken(by: user())
    }

    /// The program that listens, found by its socket's number among the open files of all processes.
    private func user() -> String? {
        let sockets = Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap(listeners))
        guard !sockets.isEmpty, let entries = try? FileManager.default.contentsOfDirectory(atPath: "/proc") else {
            return nil
        }
        for pid in entries where pid.allSatisfy(\.isNumber) {
            let folder = "/proc/\(pid)/fd"
            let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            let isUser = files.contains { file in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(file)")).map(sockets.contains)
                    ?? false
            }
            guard isUser else { continue }
            let name = (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) ?? "a program"
            return "\(name.trimmingCharacters(in: .whitespacesAndNewlines)) (pid \(pid))"
        }
        return nil
    }

    /// `socket:[12345]` for every socket that listens on the port.
    private func listeners(in table: String) -> [String] {
        let listening = "0A"
        let ending = ":" + String(format: "%04X", port)
        let lines = ((try? String(contentsOfFile: table, encoding: .utf8)) ?? "").split(separator: "\n").dropFirst()
        return lines.compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[1].hasSuffix(ending), fields[3] == listening else { return nil }
            return "socket:[\(fields[9])]"
        }
    }
}
