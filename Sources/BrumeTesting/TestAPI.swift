package import APIServer
package import Foundation
package import GoogleAPI
package import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded

/// APIs behind an edge, called without a socket: what service tests talk to.
package struct TestAPI: Sendable {
    private let edge: Edge

    /// - Parameter identity: Who every call comes from.
    package init(_ apis: [API], identity: Caller.Identity = .account("owner@example.com")) {
        edge = Edge(apis: apis, authenticator: FixedIdentity(identity: identity), makeRequestID: { "test" })
    }

    /// - Parameter authenticator: Who tells whom each call comes from.
    package init(_ apis: [API], authenticator: any Authenticator) {
        edge = Edge(apis: apis, authenticator: authenticator, makeRequestID: { "test" })
    }

    /// Sends one request and reads the whole answer.
    ///
    /// - Parameter target: The path and query, percent-encoded.
    package func send(
        _ method: HTTPRequest.Method,
        _ target: String,
        host: String = "127.0.0.1:4600",
        headers: HTTPFields = [:],
        body: Data = Data()
    ) async throws -> TestReply {
        var head = HTTPRequest(method: method, scheme: "http", authority: host, path: target)
        head.headerFields = headers
        let source = ApplicationRequestContextSource(
            channel: EmbeddedChannel(),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let request = Request(head: head, body: .init(buffer: ByteBuffer(bytes: body)))
        let response = try await edge.respond(to: request, context: CallContext(source: source))
        let collector = CollectingWriter()
        try await response.body.write(collector)
        return TestReply(
            status: response.status.code,
            headers: response.headers,
            body: collector.data,
            trailers: collector.trailers
        )
    }

    package func get(_ target: String) async throws -> TestReply { try await send(.get, target) }
    package func delete(_ target: String) async throws -> TestReply { try await send(.delete, target) }

    package func post(_ target: String, json: String = "{}") async throws -> TestReply {
        try await send(.post, target, headers: [.contentType: "application/json"], body: Data(json.utf8))
    }

    package func patch(_ target: String, json: String) async throws -> TestReply {
        try await send(.patch, target, headers: [.contentType: "application/json"], body: Data(json.utf8))
    }

    package func put(_ target: String, json: String) async throws -> TestReply {
        try await send(.put, target, headers: [.contentType: "application/json"], body: Data(json.utf8))
    }
}

/// An answer, read whole.
package struct TestReply: Sendable {
    package var status: Int
    package var headers: HTTPFields
    package var body: Data
    /// What followed the body.
    package var trailers: HTTPFields = [:]

    package var text: String { String(decoding: body, as: UTF8.self) }
    package var json: JSON { (try? JSON(parsing: body)) ?? .null }
    /// `error.errors[0].reason`, or the reason of `error.details[0]`.
    package var reason: String? {
        json["error"]?["errors"]?[0]?["reason"]?.string ?? json["error"]?["details"]?[0]?["reason"]?.string
    }
    package var message: String? { json["error"]?["message"]?.string }
}

/// Lets everybody do everything, as the identity that the test chose.
package struct FixedIdentity: Authenticator, Authorizer {
    package var identity: Caller.Identity

    package init(identity: Caller.Identity = .account("owner@example.com")) { self.identity = identity }

    package func identity(of call: Call) async throws -> Caller.Identity { identity }
    package func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {}
}

/// Allows everything but acting as a service account.
package struct NobodyActs: Authorizer {
    package init() {}

    package func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        guard permission == "iam.serviceAccounts.actAs" else { return }
        throw GoogleError.forbidden("Permission '\(permission)' denied on '\(resource)'.")
    }
}

/// Knows one project, `demo` (123456789012).
package struct DemoProject: ProjectDirectory {
    package init() {}

    package func project(_ idOrNumber: String) async throws -> ProjectIdentity {
        guard ["demo", "123456789012"].contains(idOrNumber) else {
            throw GoogleError.notFound("Project '\(idOrNumber)' was not found.")
        }
        return ProjectIdentity(id: "demo", number: 123_456_789_012)
    }
}

/// A folder that goes away with the test.
///
/// - Throws: Whatever `body` throws, or an error of the file system.
package func withScratchFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = URL.temporaryDirectory.appending(path: "brume-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

/// Reads a response body as the server would write it.
private final class CollectingWriter: ResponseBodyWriter, @unchecked Sendable {
    // Only ever used by the one task that reads the response.
    var data = Data()

    func write(_ buffer: ByteBuffer) async throws { data.append(contentsOf: buffer.readableBytesView) }
    var trailers: HTTPFields = [:]

    func finish(_ trailingHeaders: HTTPFields?) async throws { trailers = trailingHeaders ?? [:] }
}
