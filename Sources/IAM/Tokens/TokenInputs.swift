import APIServer
import Foundation
import GoogleAPI
import HTTPTypes

/// A request of the token endpoint: a form, or the same fields as JSON or in the query.
struct TokenInput: MethodInput {
    let resource = ResourceName([])
    let fields: [String: String]

    init(from call: Call) async throws {
        let body = String(decoding: try await call.bytes(upTo: 1 << 20), as: UTF8.self)
        var fields: [String: String] = [:]
        if call.headers[.contentType]?.hasPrefix("application/json") == true {
            let object = (try? JSON(parsing: Data(body.utf8)))?.object ?? [:]
            fields = object.compactMapValues(\.string)
        } else {
            for pair in body.split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                    $0.replacing("+", with: " ").removingPercentEncoding ?? ""
                }
                fields[parts[0]] = parts.count == 2 ? parts[1] : ""
            }
        }
        for name in ["access_token", "id_token", "token"] where fields[name] == nil { fields[name] = call.query(name) }
        self.fields = fields
    }

    /// A field that is there and not empty.
    subscript(name: String) -> String? {
        guard let value = fields[name], !value.isEmpty else { return nil }
        return value
    }
}

/// A method of the token server's that reads nothing but the path.
struct AccountCertificatesInput: MethodInput {
    let resource = ResourceName([])
    let email: String

    init(from call: Call) async throws { email = try call.parameter("email") }
}
