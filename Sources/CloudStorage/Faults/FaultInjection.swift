package import APIServer
import GoogleAPI
import HTTPTypes
package import Hummingbird
import NIOCore

/// Makes storage calls fail where a test of a client asks for it, by the retry-test API of Google's
/// [storage test bench](https://github.com/googleapis/storage-testbench#retry-test-api).
///
/// A test is made with `POST /retry_test`; calls whose header `x-retry-test-id` names it meet its failures in order.
package struct FaultInjection: CallInterceptor {
    private let tests = RetryTests()
    private let makeID: @Sendable () -> String
    private let wait: @Sendable (Duration) async throws -> Void

    /// - Parameter wait: How a stalled transfer spends its time.
    package init(
        makeID: @escaping @Sendable () -> String,
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.makeID = makeID
        self.wait = wait
    }

    /// The retry-test API. It asks for no credential: who starts the daemon for it tests clients.
    func api(authorizer: any Authorizer, failing methods: Set<String>) -> API {
        let table = MethodTable(authorizer: authorizer)
        table.add("retryTests.insert", .post, "/retry_test", requires: nil) { (input: RetryTestInput, _) -> JSON in
            let test = try RetryTest(id: makeID(), of: input.body, methods: methods)
            tests.insert(test)
            return test.json
        }
        table.add("retryTests.list", .get, "/retry_tests", requires: nil) { (_: RetryTestInput, _) -> JSON in
            ["retry_test": .array(tests.all.map(\.json))]
        }
        table.add("retryTests.get", .get, "/retry_test/{id}", requires: nil) { (input: RetryTestInput, _) -> JSON in
            try tests.get(input.id).json
        }
        table.add("retryTests.delete", .delete, "/retry_test/{id}", requires: nil) {
            (input: RetryTestInput, _) -> JSON in
            try tests.delete(input.id)
            return [:]
        }
        return API(name: "storage-faults", hosts: [], paths: ["/retry_test"], errors: .errors, table: table)
    }

    package func respond(
        to call: Call,
        of method: String,
        by perform: @Sendable (Call) async throws -> Response
    ) async throws -> Response {
        guard let id = call.header("x-retry-test-id") else { return try await perform(call) }
        let method = Self.methodsOfXML[method] ?? method
        let test = try tests.get(id)
        guard (test.transport == .grpc) == call.context.isRemoteProcedure,
            let instruction = test.next(for: method)
        else { return try await perform(call) }
        let take: @Sendable () -> Bool = { [tests] in tests.take(instruction, for: method, of: id) }
        switch try Fault(instruction) {
        case .status(let code):
            guard take() else { return try await perform(call) }
            throw InjectedFault(code: code)
        case .reset:
            guard take() else { return try await perform(call) }
            // A gRPC call shares its connection with others, and is told so itself.
            if !call.context.isRemoteProcedure { await call.context.resetConnection() }
            throw InjectedFault()
        case .statusAfter(let code, let bytes):
            return try await perform(call.interrupted(at: bytes) { if take() { throw InjectedFault(code: code) } })
        case .brokenStream(let bytes):
            let response = try await perform(call)
            return response.interrupted(at: bytes) { if take() { throw InjectedFault() } }
        case .brokenFinalAnswer(let bytes):
            let response = try await perform(call)
            guard call.isFinalChunk, response.status == .ok else { return response }
            return response.interrupted(at: bytes) { if take() { throw InjectedFault() } }
        case .stall(let seconds, let bytes):
            let stall: @Sendable () async throws -> Void = { [wait] in
                if take() { try await wait(.seconds(seconds)) }
            }
            return try await perform(call.interrupted(at: bytes, by: stall)).interrupted(at: bytes, by: stall)
        }
    }

    /// The methods of the JSON API that those of the XML API stand for.
    private static let methodsOfXML = [
        "storage.xml.get": "storage.objects.get", "storage.xml.head": "storage.objects.get",
        "storage.xml.put": "storage.objects.insert", "storage.xml.post": "storage.objects.insert",
        "storage.xml.delete": "storage.objects.delete",
    ]
}

private struct RetryTestInput: MethodInput {
    var resource = ResourceName([])
    var id: String
    var body: JSON

    init(from call: Call) async throws {
        id = (try? call.parameter("id")) ?? ""
        body = try await call.body()
    }
}
