import Foundation
package import GoogleAPI
import HTTPTypes
package import Hummingbird
import NIOCore

/// JSON answers, with the system parameters that every Google API understands.
package enum JSONResponse {
    /// Encodes a value; `fields=` in the query keeps only what the mask names.
    package static func make(_ value: some Encodable, status: HTTPResponse.Status = .ok, for call: Call) throws
        -> Response
    {
        guard let mask = try call.fieldMask() else {
            let data =
                try (value as? RenderedJSON)?.text ?? (value as? JSON)?.data() ?? JSONCoding.encoder.encode(value)
            return make(data: data, status: status)
        }
        let document = mask.apply(to: try value as? JSON ?? JSON(encoding: value))
        return make(data: try document.data(), status: status)
    }

    static func make(data: Data, status: HTTPResponse.Status, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json; charset=UTF-8"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: data)))
    }
}

extension Call {
    /// The members that the caller wants of the answer; nil: all.
    ///
    /// - Throws: ``GoogleError`` `invalidParameter` (400) when parentheses do not match.
    package func fieldMask() throws -> FieldMask? {
        guard let text = query("fields") ?? query("$fields"), !text.isEmpty, text != "*" else { return nil }
        return try FieldMask(parsing: text)
    }
}
