import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// A call by gRPC. It is answered by the HTTP method that it stands for, so that a method is written once and both kinds
/// of clients see one behaviour; Google's own servers do the same, the other way round.
///
/// See [gRPC over HTTP2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
struct RemoteProcedure: Sendable {
    private let name: String
    private let procedure: ProcedureTable.Procedure
    private let table: ProcedureTable

    static func isCall(_ head: HTTPRequest) -> Bool {
        head.headerFields[.contentType]?.hasPrefix("application/grpc") ?? false
    }

    /// Answers a call by what `respond` answers to the HTTP call that it stands for.
    static func answer(
        _ request: Request,
        table: ProcedureTable = .shared,
        respond: @Sendable (Request) async -> Response
    ) async -> Response {
        let name = String(Target.path(of: request.head).dropFirst())
        do {
            guard let procedure = table.procedures[name] else {
                // Its caller must hear so at once, or it waits for its whole patience.
                throw GoogleError(
                    .unimplemented,
                    reason: "notImplemented",
                    message: "Brume does not serve /\(name) by gRPC."
                )
            }
            let call = RemoteProcedure(name: name, procedure: procedure, table: table)
            let response = await respond(try call.translate(request.head, try await frame(of: request)))
            return try await call.translate(response)
        } catch {
            let refusal = error as? GoogleError ?? .invalid("The message of \(name) cannot be read.")
            return ended(refusal.status.rpcCode, message: refusal.message)
        }
    }

    // MARK: There

    /// The one message of a unary call.
    private static func frame(of request: Request) async throws -> ArraySlice<UInt8> {
        var body = try await request.body.collect(upTo: Call.maximumJSONBytes)
        guard let flag = body.readInteger(as: UInt8.self), let length = body.readInteger(as: UInt32.self),
            let bytes = body.readBytes(length: Int(length)), body.readableBytes == 0
        else { throw ProtobufReader.Malformed() }
        guard flag == 0 else {
            throw GoogleError(.unimplemented, reason: "notImplemented", message: "Brume takes no compressed messages.")
        }
        return bytes[...]
    }

    private func translate(_ head: HTTPRequest, _ message: ArraySlice<UInt8>) throws -> Request {
        var reader = ProtobufReader(message, table: table)
        let json = try reader.message(procedure.request)
        guard let call = procedure.rules.lazy.compactMap({ $0.call(for: json) }).first else {
            throw GoogleError.invalid("The request of \(name) names no resource, or one of another form.")
        }
        var http = HTTPRequest(method: call.verb, scheme: head.scheme, authority: head.authority, path: call.target)
        for field in head.headerFields where ![.contentType, .te, .contentLength].contains(field.name) {
            http.headerFields.append(field)
        }
        guard let body = call.body else { return Request(head: http, body: .init(buffer: ByteBuffer())) }
        http.headerFields[.contentType] = "application/json"
        return Request(head: http, body: .init(buffer: ByteBuffer(bytes: try body.data())))
    }

    // MARK: Back

    private func translate(_ response: Response) async throws -> Response {
        let json = try await Self.body(of: response)
        guard (200..<300).contains(response.status.code) else {
            let error = json["error"]
            let status = error?["status"]?.string.flatMap(GoogleError.Status.init(rawValue:)) ?? .unknown
            return Self.ended(
                status.rpcCode,
                message: error?["message"]?.string ?? "HTTP status \(response.status.code)"
            )
        }
        let message = ProtobufWriter(table: table).message(json, procedure.response)
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(0))
        frame.writeInteger(UInt32(message.count))
        frame.writeBytes(message)
        return Self.ended(0, message: nil, after: frame)
    }

    private static func body(of response: Response) async throws -> JSON {
        let collected = CollectedBody()
        try await response.body.write(collected)
        let bytes = await collected.bytes
        return bytes.readableBytes == 0 ? [:] : try JSON(parsing: Data(bytes.readableBytesView))
    }

    /// An answer always has HTTP status 200; how the call ended is in the trailers.
    private static func ended(_ status: Int, message: String?, after frame: ByteBuffer? = nil) -> Response {
        var trailers: HTTPFields = [:]
        if let name = HTTPField.Name("grpc-status") { trailers[name] = String(status) }
        if let message, let name = HTTPField.Name("grpc-message") {
            trailers[name] = message.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/grpc"],
            body: ResponseBody { [trailers] writer in
                if let frame { try await writer.write(frame) }
                try await writer.finish(trailers)
            }
        )
    }

    /// Printable ASCII, but not the sign of encoding.
    private static let plain = CharacterSet(charactersIn: " "..."~").subtracting(CharacterSet(charactersIn: "%"))
}

/// The body of an answer, read whole.
private actor CollectedBody: ResponseBodyWriter {
    private(set) var bytes = ByteBuffer()

    nonisolated func write(_ buffer: ByteBuffer) async throws { await append(buffer) }
    nonisolated func finish(_ trailingHeaders: HTTPFields?) async throws {}

    private func append(_ buffer: ByteBuffer) {
        var buffer = buffer
        bytes.writeBuffer(&buffer)
    }
}
