import Foundation
import GoogleAPI

/// A version of a secret, without its payload.
struct SecretVersion: Sendable, Equatable {
    enum State: String, Sendable {
        case enabled = "ENABLED"
        case disabled = "DISABLED"
        case destroyed = "DESTROYED"
    }

    /// Counts from 1; never given twice.
    var number: Int64
    var state: State
    var createTime: Date
    var destroyTime: Date?
    var etag: String
    /// Whether the client sent a checksum with the payload.
    var isChecked: Bool

    /// The resource as on the wire.
    func document(of secret: Secret) -> JSON {
        var document: JSON = [
            "name": .string(name(in: secret)), "state": .string(state.rawValue), "etag": .string(etag),
            "createTime": .string(Timestamp.text(createTime)),
        ]
        if let destroyTime { document["destroyTime"] = .string(Timestamp.text(destroyTime)) }
        if isChecked { document["clientSpecifiedPayloadChecksum"] = true }
        if secret.settings["replication"]?["automatic"] != nil { document["replicationStatus"] = ["automatic": [:]] }
        return document
    }

    func name(in secret: Secret) -> String { "\(secret.resourceName)/versions/\(number)" }
}
