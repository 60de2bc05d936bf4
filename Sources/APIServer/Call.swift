package import Foundation
package import GoogleAPI
package import HTTPTypes
package import Hummingbird
package import Logging
package import NIOCore

/// What Hummingbird carries along with a request.
package struct CallContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The address at the other end of the connection; inside Brume's networks it names the guest.
    package let peer: SocketAddress?
    /// Whom the edge found the caller to be, and through which door it came.
    package var caller: Caller
    /// The path as it came, before the edge removed a prefix; percent-encoded.
    package var originalPath: String
    /// Whether the call came by gRPC, and is answered by the HTTP method that it stands for.
    package var isRemoteProcedure = false
    private let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        peer = source.channel.remoteAddress ?? source.channel.parent?.remoteAddress
        caller = Caller(identity: .anonymous, origin: "", requestID: "")
        originalPath = ""
    }

    /// The context of one call of a batch: what the router notes in one does not show in another.
    init(partOf batch: CallContext) {
        coreContext = .init(source: batch)
        channel = batch.channel
        peer = batch.peer
        caller = batch.caller
        originalPath = ""
    }

    /// Ends the connection at once, as a peer that crashes does; by HTTP/2 only the stream.
    package func resetConnection() async {
        // Closed without lingering, a socket answers with a reset.
        if let socket = channel as? any SocketOptionProvider {
            try? await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try? await channel.close()
    }
}

/// One call of one method: what a ``MethodInput`` is read from.
package struct Call: Sendable {
    package let request: Request
    package let context: CallContext

    package init(request: Request, context: CallContext) {
        self.request = request
        self.context = context
    }

    package var caller: Caller { context.caller }
    package var headers: HTTPFields { request.headers }
    package var logger: Logger { context.logger }

    /// The largest JSON body that Brume reads, in bytes.
    package static let maximumJSONBytes = 16 << 20

    /// A variable of the method's path, percent-decoded once.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) when it is no valid UTF-8.
    package func parameter(_ name: String) throws -> String {
        let raw = context.parameters.get(name)
        guard let text = raw.flatMap({ $0.utf8.contains(UInt8(ascii: "%")) ? $0.removingPercentEncoding : $0 }) else {
            throw GoogleError.invalid("The path's '\(name)' is missing or not valid percent-encoded UTF-8.")
        }
        return text
    }

    /// The first value of a query parameter, percent-decoded; nil when absent.
    package func query(_ name: String) -> String? {
        queries(name).first
    }

    /// Every value of a repeated query parameter.
    package func queries(_ name: String) -> [String] {
        guard var rest = request.uri.query.map({ Substring($0).utf8 }) else { return [] }
        var values: [String] = []
        while !rest.isEmpty {
            let pair = rest.prefix { $0 != UInt8(ascii: "&") }
            rest = rest.dropFirst(pair.count + 1)
            guard pair.starts(with: name.utf8) else { continue }
            let value = pair.dropFirst(name.utf8.count)
            guard value.isEmpty || value.first == UInt8(ascii: "=") else { continue }
            values.append(Self.decoded(value.dropFirst()))
        }
        return values
    }

    /// Percent-decodes a value of a query; Python's clients write a space as '+'.
    private static func decoded(_ value: Substring.UTF8View) -> String {
        guard value.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return String(Substring(value))
        }
        let raw = String(Substring(value)).replacing("+", with: " ")
        return raw.removingPercentEncoding ?? raw
    }

    /// A boolean query parameter, in any case, as Google's clients send `true`, `True` and `1`.
    package func flag(_ name: String) -> Bool {
        ["true", "1"].contains(query(name)?.lowercased())
    }

    /// Reads the whole body as JSON; an empty body and `null` count as `{}`.
    ///
    /// - Throws: ``GoogleError`` `parseError` (400) naming the field that does not fit, `uploadTooLarge` (413).
    package func body<Body: Decodable>(as type: Body.Type = Body.self) async throws -> Body {
        var data = try await bytes(upTo: Self.maximumJSONBytes)
        if data.isEmpty || data.trimmingNullJSON { data = Data("{}".utf8) }
        do {
            return try JSONCoding.decoder.decode(type, from: data)
        } catch let error as DecodingError {
            throw GoogleError.unreadable(error)
        }
    }

    /// Reads the whole body.
    ///
    /// - Throws: ``GoogleError`` `uploadTooLarge` (413) when it is longer than `limit` bytes.
    package func bytes(upTo limit: Int) async throws -> Data {
        do {
            let buffer = try await request.body.collect(upTo: limit)
            return Data(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw GoogleError(
                .invalidArgument,
                reason: "uploadTooLarge",
                message: "The request body is longer than \(limit) bytes.",
                httpStatus: 413
            )
        }
    }
}

extension Data {
    fileprivate var trimmingNullJSON: Bool {
        count <= 8 && String(decoding: self, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) == "null"
    }
}

extension GoogleError {
    /// A body that is not the JSON that the method takes (400), with the path of the field that does not fit.
    package static func unreadable(_ error: DecodingError) -> GoogleError {
        let context: DecodingError.Context? =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
                .dataCorrupted(let context):
                context
            @unknown default: nil
            }
        var field = (context?.codingPath ?? []).map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
        if case .keyNotFound(let key, _) = error { field.append(key.stringValue) }
        let place = field.isEmpty ? "" : " at '\(field.joined(separator: "."))'"
        let why = context?.debugDescription ?? "unreadable"
        return .invalid(
            "Invalid JSON payload received\(place): \(why)\(why.hasSuffix(".") ? "" : ".")",
            reason: "parseError"
        )
    }
}
