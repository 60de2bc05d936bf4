/// Knows the cloud's projects; what a service asks before it acts in one.
package protocol ProjectDirectory: Sendable {
    /// Finds an active project by its ID or its number: clients use either in every path.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404) naming the project and how to create it.
    func project(_ idOrNumber: String) async throws -> ProjectIdentity
}

/// A project's two names.
package struct ProjectIdentity: Sendable, Equatable {
    package var id: String
    package var number: Int64

    package init(id: String, number: Int64) {
        self.id = id
        self.number = number
    }
}
