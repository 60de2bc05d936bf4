import GoogleAPI
import NIOConcurrencyHelpers

/// The failures that one test has asked for, by method, in order.
struct RetryTest: Sendable {
    enum Transport: String, Sendable {
        case http = "HTTP"
        case grpc = "GRPC"
    }

    let id: String
    let transport: Transport
    /// What is still to come, by method as the test wrote it.
    private(set) var instructions: [String: [String]]

    /// - Throws: ``GoogleError`` `invalid`, `required` (400).
    init(id: String, of body: JSON, methods: Set<String>) throws {
        self.id = id
        guard let wanted = body["instructions"]?.object, !wanted.isEmpty else {
            throw GoogleError.required("instructions")
        }
        let name = body["transport"]?.string ?? Transport.http.rawValue
        guard let transport = Transport(rawValue: name) else {
            throw GoogleError.invalid("Invalid transport: '\(name)'. Use HTTP or GRPC.")
        }
        self.transport = transport
        instructions = [:]
        for (method, list) in wanted {
            guard methods.contains(Self.canonical(method)) else {
                throw GoogleError.invalid("Invalid method: '\(method)' is no method of Cloud Storage.")
            }
            let texts = (list.array ?? []).compactMap(\.string)
            guard !texts.isEmpty, texts.count == list.array?.count else {
                throw GoogleError.invalid("Invalid instructions of '\(method)': give a list of texts.")
            }
            for text in texts { _ = try Fault(text) }
            instructions[method] = texts
        }
    }

    /// What a call of a method is to meet; nil: nothing.
    func next(for method: String) -> String? { entry(of: method)?.value.first }

    /// Takes an instruction off the list.
    ///
    /// - Returns: Whether it still was the next.
    mutating func take(_ instruction: String, for method: String) -> Bool {
        guard let key = entry(of: method)?.key, instructions[key]?.first == instruction else { return false }
        instructions[key]?.removeFirst()
        return true
    }

    private func entry(of method: String) -> (key: String, value: [String])? {
        instructions.first { Self.canonical($0.key) == method && !$0.value.isEmpty }
    }

    var json: JSON {
        [
            "id": .string(id), "transport": .string(transport.rawValue),
            "completed": .bool(instructions.values.allSatisfy(\.isEmpty)),
            "instructions": .object(instructions.mapValues { .array($0.map(JSON.string)) }),
        ]
    }

    /// The test bench's own names of resources, and the JSON API's.
    private static let names = [
        "bucket_acl": "bucketAccessControls", "default_object_acl": "defaultObjectAccessControls",
        "object_acl": "objectAccessControls", "hmacKey": "projects.hmacKeys",
        "serviceaccount": "projects.serviceAccount",
    ]

    private static func canonical(_ method: String) -> String {
        let parts = method.split(separator: ".")
        guard parts.count == 3, let name = names[String(parts[1])] else { return method }
        return "\(parts[0]).\(name).\(parts[2])"
    }
}

/// All tests that are going on. They live no longer than the process.
struct RetryTests: Sendable {
    private let tests = NIOLockedValueBox<[String: RetryTest]>([:])

    /// - Throws: ``GoogleError`` `notFound` (404).
    func get(_ id: String) throws -> RetryTest {
        guard let test = tests.withLockedValue({ $0[id] }) else { throw GoogleError.noRetryTest(id) }
        return test
    }

    var all: [RetryTest] { tests.withLockedValue { $0.values.sorted { $0.id < $1.id } } }

    func insert(_ test: RetryTest) { tests.withLockedValue { $0[test.id] = test } }

    /// - Throws: ``GoogleError`` `notFound` (404).
    func delete(_ id: String) throws {
        guard tests.withLockedValue({ $0.removeValue(forKey: id) }) != nil else { throw GoogleError.noRetryTest(id) }
    }

    /// Takes an instruction off a test's list; of two calls that meet it at once, one gets it.
    func take(_ instruction: String, for method: String, of id: String) -> Bool {
        tests.withLockedValue { $0[id]?.take(instruction, for: method) ?? false }
    }
}

extension GoogleError {
    fileprivate static func noRetryTest(_ id: String) -> GoogleError {
        notFound("Retry Test '\(id)' does not exist. Make one with POST /retry_test.")
    }
}
