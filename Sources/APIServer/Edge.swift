import GoogleAPI
import HTTPTypes
package import Hummingbird
import Logging

typealias CallResponder = HTTPResponder<CallContext>

/// Where every call arrives, through whichever door: it finds the API by host name or prefix, signs the caller in,
/// lets the API's table answer, and writes whatever error was met on the way in the API's own form.
package struct Edge: HTTPResponder {
    package typealias Context = CallContext

    private let directory: APIDirectory
    private let authenticator: any Authenticator
    private let makeRequestID: @Sendable () -> String

    /// Joins APIs behind one responder; the first that fits a call gets it.
    package init(
        apis: [API],
        authenticator: any Authenticator,
        makeRequestID: @escaping @Sendable () -> String
    ) {
        directory = APIDirectory(apis)
        self.authenticator = authenticator
        self.makeRequestID = makeRequestID
    }

    package func respond(to request: Request, context: CallContext) async throws -> Response {
        var head = request.head
        Target.makeOriginForm(&head)
        let host = Target.hostName(of: head.authority ?? "")
        guard BatchRequest.isBatch(head),
            Target.isPlainEndpoint(host) || directory.serves(host: host)
        else { return await dispatch(request, context: context) }
        do {
            let body = try await Call(request: request, context: context).bytes(upTo: Call.maximumJSONBytes)
            return try BatchRequest(Array(body), sentWith: head).response(boundary: "batch_\(makeRequestID())") {
                part in
                await dispatch(part, context: CallContext(partOf: context))
            }
        } catch let error as GoogleError {
            return ErrorStyle.errors.render(error, Call(request: request, context: context))
        }
    }

    /// Answers one call, alone or of a batch.
    private func dispatch(_ request: Request, context: CallContext) async -> Response {
        var head = request.head
        Target.makeOriginForm(&head)
        let authority = head.authority ?? ""
        let host = Target.hostName(of: authority)
        var context = context
        let requestID = makeRequestID()
        context.logger[metadataKey: "request"] = "\(requestID)"
        context.originalPath = head.path ?? "/"
        context.caller = Caller(
            identity: .anonymous,
            origin: "\(head.scheme ?? "http")://\(authority)",
            requestID: requestID
        )
        if RemoteProcedure.isCall(head) {
            return await RemoteProcedure.answer(Request(head: head, body: request.body)) { [context] request in
                var context = CallContext(partOf: context)
                context.isRemoteProcedure = true
                return await dispatch(request, context: context)
            }
        }
        var target = directory.find(host: host, path: context.originalPath)
        let isOpenToClaims = target.map { $0.api.isLastResort && host.hasSuffix(".localhost") } ?? true
        if isOpenToClaims, let api = await directory.claimant(of: host) { target = (api, context.originalPath) }
        guard let (api, path) = target else {
            let call = Call(request: Request(head: head, body: request.body), context: context)
            return ErrorStyle.details.render(.unknownTarget(host: host, head: head), call)
        }
        head.path = path
        let request = Request(head: head, body: request.body)
        guard let policy = api.crossOrigin, let page = CrossOriginRequest(head) else {
            return await answer(request, of: api, context: context)
        }
        let headers = await policy.headers(for: page, of: Call(request: request, context: context))
        // What a page asks before it does it carries no credential.
        var response =
            page.isQuestion ? Response(status: .ok) : await answer(request, of: api, context: context)
        response.headers.append(contentsOf: headers)
        return response
    }

    /// Signs the caller in and lets the API's table answer.
    private func answer(_ request: Request, of api: API, context: CallContext) async -> Response {
        var context = context
        let head = request.head
        do {
            let call = Call(request: request, context: context)
            context.caller.identity = try await (api.authenticator ?? authenticator).identity(of: call)
            let response = try await api.responder.respond(to: request, context: context)
            // The router answers an unknown path itself, without a body; this mark is all it leaves.
            if context.endpointPath == "NotFound" {
                throw GoogleError.notFound("\(api.name) has no method \(head.method) \(Target.path(of: head)).")
            }
            context.logger.debug(
                "\(head.method) \(context.originalPath)",
                metadata: ["status": "\(response.status.code)"]
            )
            return response
        } catch {
            let call = Call(request: request, context: context)
            let refusal = explain(error)
            log(refusal, cause: error, call: call)
            return api.errors.render(refusal, call)
        }
    }

    /// Every method of every API, for the coverage page.
    package var methods: [(api: String, methods: [MethodDescription])] { directory.apis.map { ($0.name, $0.methods) } }

    private func explain(_ error: any Error) -> GoogleError {
        switch error {
        case let error as GoogleError: error
        case let error as any GoogleErrorConvertible: error.googleError
        case let error as DecodingError: .unreadable(error)
        default:
            GoogleError(.internal, reason: "internalError", message: "Internal error.")
        }
    }

    private func log(_ refusal: GoogleError, cause: any Error, call: Call) {
        let metadata: Logger.Metadata = [
            "status": "\(refusal.code)", "reason": "\(refusal.reason)",
            "method": "\(call.request.method)", "path": "\(Target.path(of: call.request.head))",
        ]
        if refusal.code == 500 {
            call.logger.error("Internal error: \(cause)", metadata: metadata)
        } else {
            call.logger.debug("\(refusal.message)", metadata: metadata)
        }
    }
}

extension GoogleError {
    fileprivate static func unknownTarget(host: String, head: HTTPRequest) -> GoogleError {
        .notFound("Brume serves no API at \(head.method) \(Target.path(of: head)) of host '\(host)'.")
    }
}

/// The target of a request, in the forms that clients and proxies use.
enum Target {
    /// Turns `GET http://host/path` (sent to a proxy) into `GET /path` with the authority `host`.
    static func makeOriginForm(_ head: inout HTTPRequest) {
        guard let path = head.path, let scheme = ["http://", "https://"].first(where: path.hasPrefix) else { return }
        let rest = path.dropFirst(scheme.count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        head.authority = String(rest[..<slash])
        head.path = slash == rest.endIndex ? "/" : String(rest[slash...])
    }

    /// The host without its port, in lower case.
    static func hostName(of authority: String) -> String {
        if authority.hasPrefix("[") { return String(authority.prefix { $0 != "]" }) + "]" }
        return authority.prefix { $0 != ":" }.lowercased()
    }

    /// Whether the caller addressed the daemon itself (door 2) and not a name of Google's.
    static func isPlainEndpoint(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host.hasPrefix("[")
            || host.allSatisfy { $0.isNumber || $0 == "." }
    }

    /// The path without its query: queries may carry secrets.
    static func path(of head: HTTPRequest) -> String {
        String((head.path ?? "/").prefix { $0 != "?" })
    }
}
