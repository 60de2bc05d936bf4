package import APIServer
package import GoogleAPI
package import Workloads

/// What Vertex AI needs of Cloud Logging.
package protocol JobLogs: Sendable {
    /// Keeps what a job printed, in its order.
    func write(_ lines: [JobLogLine], of jobID: String, project: String) async throws
}

/// One line of a job's log.
package struct JobLogLine: Sendable, Equatable {
    /// Who says it: `workerpool0-0`, or `service` for Vertex AI itself.
    package var task: String
    /// `INFO`, `ERROR`, or what the program said.
    package var severity: String
    package var text: String
    /// What the program said as JSON, with `message`.
    package var json: JSON?

    package init(task: String, severity: String, text: String, json: JSON? = nil) {
        self.task = task
        self.severity = severity
        self.text = text
        self.json = json
    }
}

/// What Vertex AI needs of the image catalogue and the registries.
package protocol JobImages: Sendable {
    /// Sees to it that the engine has an image, in its newest version, and says by what name.
    ///
    /// - Throws: ``EngineError/imageUnavailable(_:reason:)``.
    func ensure(_ image: ImageReference, project: ProjectIdentity) async throws -> ImageReference
}

/// What Vertex AI needs so that training code finds Google's APIs and is known to them.
package protocol JobSurroundings: Sendable {
    /// Gives a replica its place in the training network and all that its process needs there.
    ///
    /// - Parameter serviceAccount: Whom the code acts as; nil: the project's Compute Engine default account.
    func surround(
        _ process: ProcessSpec,
        of owner: String,
        project: ProjectIdentity,
        serviceAccount: String?
    ) async throws -> ProcessSpec

    /// Takes a replica's place back; harmless when repeated.
    func release(_ owner: String) async throws
}
