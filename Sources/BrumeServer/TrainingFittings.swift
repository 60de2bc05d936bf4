import APIServer
import CloudLogging
import GoogleAPI
import ImageCatalogue
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

/// The images of jobs: the newest of this cloud's registry, or what the catalogue makes.
struct JobImagesOfCatalogue: JobImages {
    let catalogue: ImageCatalogue
    let tokens: AccountTokens

    func ensure(_ image: ImageReference, project: ProjectIdentity) async throws -> ImageReference {
        let account = "\(project.number)-compute@developer.gserviceaccount.com"
        let credential = try await tokens.credential(for: image, account: account)
        return try await catalogue.ensure(image, credential: credential, refresh: image.isGoogleRegistry)
    }
}
