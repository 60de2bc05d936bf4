package import Hummingbird

/// Stands before every method of a table, and may answer, spoil or delay in its place.
package protocol CallInterceptor: Sendable {
    /// - Parameters:
    ///   - method: Google's name of the method: `storage.objects.get`.
    ///   - perform: What is done without the interceptor.
    func respond(
        to call: Call,
        of method: String,
        by perform: @Sendable (Call) async throws -> Response
    ) async throws -> Response
}
