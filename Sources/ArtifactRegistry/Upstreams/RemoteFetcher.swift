package import Foundation
package import HTTPTypes
package import NIOCore

/// Fetches from registries elsewhere over HTTP.
package protocol RemoteFetcher: Sendable {
    /// Sends GET or HEAD and follows redirects; credentials go to the first host alone.
    ///
    /// - Throws: Any error when the other side cannot be reached, or does not answer in time.
    func fetch(_ method: HTTPRequest.Method, _ url: URL, headers: HTTPFields) async throws -> RemoteAnswer
}

/// What a registry elsewhere answered.
package struct RemoteAnswer: Sendable {
    package var status: Int
    package var headers: HTTPFields
    /// Read once, pulled chunk by chunk.
    package var body: AsyncThrowingStream<ByteBuffer, any Error>

    package init(status: Int, headers: HTTPFields, body: AsyncThrowingStream<ByteBuffer, any Error>) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The whole body, at most `limit` bytes of it.
    func bytes(upTo limit: Int) async throws -> Data {
        var data = Data()
        for try await chunk in body {
            data.append(contentsOf: chunk.readableBytesView)
            guard data.count <= limit else { throw RemoteError.answer("more than \(limit) bytes") }
        }
        return data
    }
}

/// Why nothing could be fetched.
enum RemoteError: Error, CustomStringConvertible {
    /// It answered, and not as a registry does.
    case answer(String)
    /// It has no such thing, or does not show it to us.
    case missing

    var description: String {
        switch self {
        case .answer(let what): "it answered \(what)"
        case .missing: "it has no such thing"
        }
    }
}
