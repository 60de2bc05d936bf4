import APIServer
import GoogleAPI

struct KeyInput: MethodInput {
    /// The account.
    var resource: ResourceName
    var key: String
    var format: ServiceAccountKey.Format

    init(from call: Call) async throws {
        resource = ResourceName([
            "projects", try call.parameter("project"), "serviceAccounts", try call.parameter("account"),
        ])
        key = try call.parameter("key")
        format = try .init(named: call.query("publicKeyType"))
    }
}

struct ListKeysInput: MethodInput {
    var resource: ResourceName
    /// `USER_MANAGED`, `SYSTEM_MANAGED`; empty: both.
    var types: Set<String>

    init(from call: Call) async throws {
        resource = ResourceName([
            "projects", try call.parameter("project"), "serviceAccounts", try call.parameter("account"),
        ])
        types = Set(call.queries("keyTypes")).subtracting(["KEY_TYPE_UNSPECIFIED"])
    }
}

struct CreateKeyInput: MethodInput {
    struct Body: Decodable, Sendable {
        var privateKeyType: String?
        var keyAlgorithm: String?
    }

    var resource: ResourceName

    init(from call: Call) async throws {
        resource = ResourceName([
            "projects", try call.parameter("project"), "serviceAccounts", try call.parameter("account"),
        ])
        let body: Body = try await call.body()
        guard [nil, "TYPE_UNSPECIFIED", "TYPE_GOOGLE_CREDENTIALS_FILE"].contains(body.privateKeyType) else {
            throw GoogleError.badKeyRequest(
                "Brume makes keys as TYPE_GOOGLE_CREDENTIALS_FILE (--key-file-type=json) only, "
                    + "not as \(body.privateKeyType ?? "")."
            )
        }
        guard [nil, "KEY_ALG_UNSPECIFIED", "KEY_ALG_RSA_2048"].contains(body.keyAlgorithm) else {
            throw GoogleError.badKeyRequest(
                "Brume makes keys of KEY_ALG_RSA_2048 only, not of \(body.keyAlgorithm ?? "")."
            )
        }
    }
}

extension ServiceAccountKey.Format {
    init(named name: String?) throws {
        guard let format = Self(rawValue: name ?? Self.none.rawValue) else {
            throw GoogleError.badKeyRequest("'\(name ?? "")' is no publicKeyType.")
        }
        self = format
    }
}
