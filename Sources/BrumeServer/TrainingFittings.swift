import APIServer
import CloudLogging
import GoogleAPI
import IAM
import ImageCatalogue
import SimulatedEngine
import VertexAI
import Workloads

/// The lines of training jobs, as Cloud Logging's entries.
struct JobLogsOfCloudLogging: JobLogs {
    let logging: CloudLogging

    func write(_ lines: [JobLogLine], of jobID: String, project: String) async throws {
        let entries = lines.map { line in
            LogEntry(
                log: line.task,
                resource: [
                    "type": "ml_job",
                    "labels": [
                        "job_id": .string(jobID), "project_id": .string(project), "task_name": .string(line.task),
                    ],
                ],
                severity: LogSeverity(line.severity) ?? .default,
                payload: line.json.map(LogEntry.Payload.json) ?? .text(line.text)
            )
        }
        try await logging.write(entries, project: project)
    }
}

extension TrainingJobs: FollowedJobs {}

/// The images of training jobs: the catalogue's, else pulled anew with the project's own right to read its registry.
struct JobImagesOfCatalogue: JobImages {
    let catalogue: ImageCatalogue
    let iam: IAM

    func ensure(_ image: ImageReference, project: ProjectIdentity) async throws -> ImageReference {
        let token = try await iam.accessToken(
            for: "\(project.number)-compute@developer.gserviceaccount.com",
            scopes: ["https://www.googleapis.com/auth/cloud-platform"],
            lifetime: .seconds(3600)
        )
        let credential = RegistryCredential(user: "oauth2accesstoken", password: token)
        return try await catalogue.ensure(image, credential: credential, refresh: image.tag != nil)
    }
}

/// Lets the simulated engine have every image: where jobs are only played, there is nothing to fetch.
struct PlayedImages: JobImages {
    let engine: SimulatedEngine

    func ensure(_ image: ImageReference, project: ProjectIdentity) async throws -> ImageReference {
        if try await engine.image(image) == nil { await engine.add(image) }
        return image
    }
}

/// Played jobs need no surroundings.
struct PlayedSurroundings: JobSurroundings {
    func surround(
        _ process: ProcessSpec,
        of owner: String,
        project: ProjectIdentity,
        serviceAccount: String?
    ) async throws -> ProcessSpec {
        process
    }

    func release(_ owner: String) async throws {}
}
