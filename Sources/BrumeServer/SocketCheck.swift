import DockerEngine
import Foundation
import Logging
import Workloads

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Whether an engine answers at a unix socket, what it allows, and what to do when something is missing.
struct SocketCheck {
    var path: String
    var cloud: CloudConfiguration

    func run() async -> [Checkup.Check] {
        guard let failure = unreachable() else { return await answer() }
        return [failure]
    }

    /// What is wrong with the way to the engine; nil when something listens.
    private func unreachable() -> Checkup.Check? {
        switch connectionError() {
        case 0: return nil
        case ENOENT, ENOTDIR:
            return bad("there is no socket '\(path)'", "start the Docker Engine, or unset BRUME_ENGINE for Brume's own")
        case EACCES, EPERM:
            return bad(
                "no permission for '\(path)'",
                "join the socket's group and sign in again: usermod -aG docker $USER"
            )
        case ECONNREFUSED, ENOTSOCK, EPROTOTYPE:
            return bad(
                "nothing listens at '\(path)'",
                "start the Docker Engine (systemctl start docker), or unset BRUME_ENGINE for Brume's own"
            )
        case ENAMETOOLONG:
            return bad("'\(path)' is too long for a socket", "give a shorter path in BRUME_ENGINE")
        case let error: return bad("'\(path)': \(String(cString: strerror(error)))", "look at the Docker Engine's log")
        }
    }

    private func answer() async -> [Checkup.Check] {
        let engine = DockerEngine(
            socket: path,
            cloud: "doctor",
            logger: Logger(label: "doctor", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        do {
            let (capabilities, proxy) = try await withThrowingTaskGroup(of: (EngineCapabilities, String?).self) {
                group in
                group.addTask { (try await engine.capabilities(), try await engine.imageProxy()) }
                group.addTask {
                    try await Task.sleep(for: .seconds(5))
                    throw SettingError("it does not answer")
                }
                defer { group.cancelAll() }
                guard let first = try await group.next() else { throw CancellationError() }
                return first
            }
            return [
                Checkup.Check(
                    subject: "engine",
                    isGood: true,
                    isNeeded: true,
                    finding: "\(capabilities.description) at '\(path)'"
                ), doors(capabilities), registries(proxy),
            ]
        } catch {
            return [bad("what listens at '\(path)' is no working engine: \(error)", "restart the Docker Engine")]
        }
    }

    /// Whether Google's names and addresses lead to Brume inside workloads.
    private func doors(_ capabilities: EngineCapabilities) -> Checkup.Check {
        Checkup.Check(
            subject: "engine, Google's addresses",
            isGood: capabilities.doors,
            isNeeded: false,
            finding: capabilities.doors
                ? "lead to Brume inside workloads"
                : "do not lead to Brume inside workloads: SDKs find it by HTTPS_PROXY and GCE_METADATA_HOST, which are"
                    + " set there; the name metadata.google.internal does not answer",
            remedy: capabilities.doors
                ? nil : "run Brume as root, with iptables, on the machine of the Docker Engine"
        )
    }

    /// Whether the engine finds Google's registries at Brume: it looks their names up itself, not the workloads.
    private func registries(_ proxy: String?) -> Checkup.Check {
        let isLed = proxy?.hasSuffix(":\(cloud.port)") ?? false
        return Checkup.Check(
            subject: "engine, Google's registries",
            isGood: isLed,
            isNeeded: false,
            finding: isLed
                ? "lead to Brume, by the engine's proxy"
                : "do not lead to Brume: 'docker push gcr.io/…' and 'FROM gcr.io/…' fail with this engine",
            remedy: isLed
                ? nil
                : "start the Docker Engine with HTTPS_PROXY=http://127.0.0.1:\(cloud.port)"
                    + " and SSL_CERT_FILE=\(cloud.data.client)/ca-bundle.pem in its environment"
        )
    }

    private func bad(_ finding: String, _ remedy: String) -> Checkup.Check {
        Checkup.Check(subject: "engine", isGood: false, isNeeded: true, finding: finding, remedy: remedy)
    }

    /// Connects and hangs up; 0 when that works.
    private func connectionError() -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return ENAMETOOLONG }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, SocketKind.stream, 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return status == 0 ? 0 : errno
    }
}

enum SocketKind {
    #if canImport(Glibc)
        static let stream = Int32(SOCK_STREAM.rawValue)
    #else
        static let stream = SOCK_STREAM
    #endif
}
