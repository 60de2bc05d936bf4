import Foundation
import GoogleAPI
import HTTPTypes
package import Hummingbird
import NIOCore

/// JSON answers, with the system parameters that every Google API understands.
package enum JSONResponse {
    /// Encodes a value; `fields=` in the query keeps only what the mask names.
    package static func make(_ value: some Encodable, status: HTTPResponse.Status = .ok, for call: Call) throws
        -> Response
    {
        guard let mask = call.query("fields") ?? call.query("$fields"), !mask.isEmpty, mask != "*" else {
            let data = try (value as? JSON)?.data() ?? JSONCoding.encoder.encode(value)
            return make(data: data, status: status)
        }
        let document = try FieldMask(parsing: mask).apply(to: value as? JSON ?? JSON(encoding: value))
        return make(data: try document.data(), status: status)
    }

    static func make(data: Data, status: HTTPResponse.Status, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json; charset=UTF-8"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: data)))
    }
}
