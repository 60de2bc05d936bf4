import Foundation
package import GoogleAPI
import HTTPTypes
package import Hummingbird

/// How one API writes its errors; chosen once for each API.
package struct ErrorStyle: Sendable {
    package var render: @Sendable (GoogleError, Call) -> Response

    package init(render: @escaping @Sendable (GoogleError, Call) -> Response) {
        self.render = render
    }
}

extension ErrorStyle {
    /// The v1 JSON APIs (Cloud Storage, Compute Engine): `errors[]` with `domain` and `reason`.
    package static let errors = ErrorStyle { error, _ in
        json(error) { body in
            body["errors"] = [
                ["message": .string(error.message), "domain": .string(error.domain), "reason": .string(error.reason)]
            ]
        }
    }

    /// Everywhere else: `status`, and `details[]` with `google.rpc.ErrorInfo`, as [AIP-193](https://google.aip.dev/193).
    package static let details = ErrorStyle { error, _ in
        json(error) { body in
            body["details"] = [
                [
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": .string(error.reason),
                    "domain": .string(error.domain == "global" ? "googleapis.com" : error.domain),
                    "metadata": .object(error.metadata.mapValues(JSON.string)),
                ]
            ]
        }
    }

    private static func json(_ error: GoogleError, adding: (inout JSON) -> Void) -> Response {
        var body: JSON = [
            "code": .integer(Int64(error.code)),
            "message": .string(error.message),
            "status": .string(error.status.rawValue),
        ]
        adding(&body)
        var headers: HTTPFields = [:]
        if error.code == 401 { headers[.wwwAuthenticate] = #"Bearer realm="https://accounts.google.com/""# }
        let document: JSON = ["error": body]
        return JSONResponse.make(
            data: (try? document.data()) ?? Data(),
            status: .init(code: error.code),
            headers: headers
        )
    }
}
