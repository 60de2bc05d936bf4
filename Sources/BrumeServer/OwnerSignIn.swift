import Foundation
import IAM
import ServiceLifecycle

/// Signs the owner in at the start of the daemon.
///
/// Making a key takes longer than all else that a first start does: the port answers meanwhile, and commands that read
/// the clients' folder wait for it (``DataFolder/waitForClients()``).
struct OwnerSignIn: Service {
    let owner: String
    let iam: IAM
    let clients: ClientFolder
    let hold: ClientsHold

    func run() async throws {
        let kept = FileManager.default.contents(atPath: clients.key)
        try clients.signIn(ownerKey: try await iam.keyFile(for: owner, existing: kept))
        hold.release()
        try? await gracefulShutdown()
    }
}
