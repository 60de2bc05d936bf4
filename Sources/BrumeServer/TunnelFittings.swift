import APIServer
import ComputeEngine
import Gateway
import GoogleAPI
import IAM
import NIOCore
import Workloads

/// Tunnels to instances, for accounts that may have them.
struct TunnelsToInstances: PortTunnels {
    let compute: ComputeEngine
    let iam: IAM
    /// Who is meant without a token; nil: nobody.
    let openOwner: String?

    func open(_ request: PortTunnelRequest) async throws -> PortTunnel {
        do {
            let caller = Caller(identity: try await identity(request.token), origin: "", requestID: RequestID.make())
            let session = try await compute.connect(
                to: UInt16(clamping: request.port),
                of: request.instance,
                zone: request.zone,
                project: request.project,
                as: caller
            )
            return PortTunnel(
                output: AsyncThrowingStream { [output = session.output] in
                    for try await chunk in output where chunk.stream == .output { return chunk.bytes }
                    return nil
                },
                write: { try await session.write($0) },
                finish: { try? await session.finishInput() }
            )
        } catch let error as PortUnreachable {
            throw PortTunnelRefusal.unreachable(error.reason)
        } catch let error as GoogleError where error.status == .notFound {
            throw PortTunnelRefusal.notFound(error.message)
        } catch let error as GoogleError {
            throw PortTunnelRefusal.unauthorized(error.message)
        } catch let error as EngineError {
            throw PortTunnelRefusal.unreachable("\(error)")
        }
    }

    private func identity(_ token: String?) async throws -> Caller.Identity {
        if let token { return try await iam.identity(ofAccessToken: token) }
        return openOwner.map { .account($0) } ?? .anonymous
    }
}
