import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// The metadata server of one network: who asks is known by the address that the connection comes from.
///
/// [About VM metadata](https://docs.cloud.google.com/compute/docs/metadata/overview)
struct MetadataServer: HTTPResponder {
    typealias Context = MetadataContext

    let guests: Guests
    let network: String

    func respond(to request: Request, context: MetadataContext) async throws -> Response {
        do {
            return try await MetadataCall(guests: guests, network: network, request: request, peer: context.peer)
                .answer()
        } catch let refusal as MetadataRefusal {
            return MetadataAnswer.text(refusal.text + "\n", status: refusal.status, type: "text/html; charset=UTF-8")
        } catch let error as GoogleError {
            return MetadataAnswer.text(error.message + "\n", status: .init(code: error.code))
        } catch is CancellationError {
            return MetadataAnswer.text("The metadata server stops.\n", status: .serviceUnavailable)
        } catch {
            context.logger.error("the metadata server failed: \(error)")
            return MetadataAnswer.text("Internal error.\n", status: .internalServerError)
        }
    }
}

/// Remembers where a connection comes from.
struct MetadataContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let peer: String?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress?.ipAddress
    }
}

struct MetadataRefusal: Error {
    var status: HTTPResponse.Status
    var text: String

    static let missingFlavor = MetadataRefusal(
        status: .forbidden,
        text: "Missing required header: Metadata-Flavor: Google"
    )
    static let forwarded = MetadataRefusal(status: .forbidden, text: "X-Forwarded-For is not accepted.")
    static let unknownGuest = MetadataRefusal(
        status: .notFound,
        text: "No instance, build or job of this cloud has the address that this request comes from."
    )
    static let attributesDisabled = MetadataRefusal(
        status: .forbidden,
        text: "Guest attributes endpoint access is disabled: set the metadata 'enable-guest-attributes' to TRUE."
    )
    static func notFound(_ path: String) -> MetadataRefusal {
        MetadataRefusal(status: .notFound, text: "The metadata server has nothing at '\(path)'.")
    }
    static func invalid(_ text: String) -> MetadataRefusal { MetadataRefusal(status: .badRequest, text: text) }
}

enum MetadataAnswer {
    static let flavor = HTTPField.Name("Metadata-Flavor")

    static func text(
        _ text: String,
        status: HTTPResponse.Status = .ok,
        type: String = "application/text",
        headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        headers[.contentLength] = String(text.utf8.count)
        if let flavor { headers[flavor] = "Google" }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
