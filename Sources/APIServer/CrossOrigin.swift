import GoogleAPI
package import HTTPTypes
import Hummingbird

/// Decides which pages of other origins a browser lets use an API.
///
/// See [Fetch](https://fetch.spec.whatwg.org/#http-cors-protocol).
package protocol CrossOriginPolicy: Sendable {
    /// The headers for an answer to a page; none when it may not have it.
    ///
    /// - Parameter request: What the page does, or asks before it does it.
    func headers(for request: CrossOriginRequest, of call: Call) async -> HTTPFields
}

/// What a page of another origin does, or asks leave for.
package struct CrossOriginRequest: Sendable {
    /// `https://example.com`
    package var origin: String
    package var method: HTTPRequest.Method
    /// The headers that the page is going to send, in lower case; empty unless it asks.
    package var headers: [String]
    /// Whether it asks (a preflight request).
    package var isQuestion: Bool

    /// Reads what a browser says of the page; nil for calls that come from no page of another origin.
    init?(_ request: HTTPRequest) {
        guard let origin = request.headerFields[.origin] else { return nil }
        self.origin = origin
        let asked = request.headerFields[.accessControlRequestMethod]
        isQuestion = request.method == .options && asked != nil
        method = isQuestion ? asked.flatMap { HTTPRequest.Method($0) } ?? request.method : request.method
        headers = (request.headerFields[.accessControlRequestHeaders] ?? "").split(separator: ",")
            .map { $0.filter { $0 != " " }.lowercased() }
    }
}
