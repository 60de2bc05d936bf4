package import GoogleAPI
package import HTTPTypes
package import Hummingbird

/// What a method takes, read from a call before anything is done.
package protocol MethodInput: Sendable {
    /// The resource whose policy decides whether the caller may.
    var resource: ResourceName { get }
    /// Reads and checks the input.
    ///
    /// - Throws: ``GoogleError`` (400) for what the request may not say.
    init(from call: Call) async throws
}

/// A method that reads nothing of the request.
package struct NoInput: MethodInput {
    package let resource = ResourceName([])

    package init(from call: Call) async throws {}
}

/// One line of the coverage page.
package struct MethodDescription: Sendable, Equatable {
    /// Google's name of the method: `storage.buckets.insert`.
    package var id: String
    package var verb: HTTPRequest.Method
    package var path: String
    /// The permission a caller needs; nil for methods that ask for none.
    package var permission: String?
    /// False for a method that Brume names but answers with 501.
    package var isImplemented: Bool
}

/// The methods of one API, each described once: it routes, reads, authorizes, performs and encodes.
///
/// The coverage page and the 501 answers come from the same lines.
package final class MethodTable {
    package private(set) var methods: [MethodDescription] = []
    private let router = Router(context: CallContext.self)
    private let authorizer: any Authorizer
    private let interceptor: (any CallInterceptor)?

    /// - Parameter interceptor: Stands before every method; nil, as ever but in tests of clients: nothing does.
    package init(authorizer: any Authorizer, interceptor: (any CallInterceptor)? = nil) {
        self.authorizer = authorizer
        self.interceptor = interceptor
    }

    /// Adds a method that answers with a JSON document.
    ///
    /// - Parameter permission: What the caller must hold on the input's resource; nil asks for nothing.
    package func add<Input: MethodInput, Output: Encodable & Sendable>(
        _ id: String,
        _ verb: HTTPRequest.Method,
        _ path: String,
        requires permission: String?,
        _ perform: @escaping @Sendable (Input, Caller) async throws -> Output
    ) {
        add(id, verb, path, requires: permission) { (input: Input, call: Call) in
            try JSONResponse.make(try await perform(input, call.caller), for: call)
        }
    }

    /// Adds a method that answers with an empty body (204), as deletions do in the v1 JSON APIs.
    package func add<Input: MethodInput>(
        _ id: String,
        _ verb: HTTPRequest.Method,
        _ path: String,
        requires permission: String?,
        _ perform: @escaping @Sendable (Input, Caller) async throws -> Void
    ) {
        add(id, verb, path, requires: permission) { (input: Input, call: Call) in
            try await perform(input, call.caller)
            return Response(status: .noContent)
        }
    }

    /// Adds a method that builds its own response: downloads, uploads, redirects, other formats than JSON.
    package func add<Input: MethodInput>(
        _ id: String,
        _ verb: HTTPRequest.Method,
        _ path: String,
        requires permission: String?,
        _ perform: @escaping @Sendable (Input, Call) async throws -> Response
    ) {
        describe(id, verb, path, permission, isImplemented: true)
        let answer: @Sendable (Call) async throws -> Response = { [authorizer] call in
            let input = try await Input(from: call)
            if let permission {
                try await authorizer.authorize(call.caller, for: permission, on: input.resource)
            }
            return try await perform(input, call)
        }
        router.on(RouterPath(path), method: verb) { [interceptor] request, context in
            let call = Call(request: request, context: context)
            guard let interceptor else { return try await answer(call) }
            return try await interceptor.respond(to: call, of: id, by: answer)
        }
    }

    /// Names a method of Google's that Brume does not have: it answers 501 with its name.
    package func lacks(_ id: String, _ verb: HTTPRequest.Method, _ path: String) {
        describe(id, verb, path, nil, isImplemented: false)
        router.on(RouterPath(path), method: verb) { _, _ -> Response in throw GoogleError.lacking(id) }
    }

    /// The finished router; lines added later are not in it.
    func responder() -> RouterResponder<CallContext> { router.buildResponder() }

    private func describe(
        _ id: String,
        _ verb: HTTPRequest.Method,
        _ path: String,
        _ permission: String?,
        isImplemented: Bool
    ) {
        // One method may stand at several paths; the coverage page shows it once.
        guard !methods.contains(where: { $0.id == id }) else { return }
        methods.append(
            MethodDescription(id: id, verb: verb, path: path, permission: permission, isImplemented: isImplemented)
        )
    }
}
