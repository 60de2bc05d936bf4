import HTTPTypes
import Hummingbird

/// gRPC, which Brume does not serve: its callers must hear so at once, or they wait for their whole patience.
///
/// gcsfs, for one, asks `google.storage.control.v2.StorageControl/GetStorageLayout` by gRPC and goes on without it.
enum RemoteProcedure {
    static func isCall(_ head: HTTPRequest) -> Bool {
        head.headerFields[.contentType]?.hasPrefix("application/grpc") ?? false
    }

    /// The answer `UNIMPLEMENTED` in
    /// [gRPC's own form](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses): 200, and the status
    /// in the trailers.
    static func unimplemented(_ head: HTTPRequest) -> Response {
        let method = Target.path(of: head).filter { $0.isASCII && $0 != "%" }
        var trailers: HTTPFields = [:]
        if let status = HTTPField.Name("grpc-status") { trailers[status] = "12" }
        if let message = HTTPField.Name("grpc-message") {
            trailers[message] = "Brume does not serve \(method) by gRPC."
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/grpc"],
            body: ResponseBody { [trailers] writer in try await writer.finish(trailers) }
        )
    }
}
