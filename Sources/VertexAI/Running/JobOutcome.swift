import Foundation
import GoogleAPI
import Workloads

/// How a job ended.
enum JobOutcome: Sendable, Equatable {
    case succeeded
    case cancelled
    case failed(code: Int64, message: String)

    /// What the states of a job's replicas mean for the whole; nil while it goes on.
    ///
    /// The primary's success is the job's, and any replica's failure too.
    static func end(of status: WorkloadStatus) -> (replica: String, exit: Exit)? {
        for part in status.parts {
            if case .ended(let exit) = part.state, exit.code != 0 || exit.reason != .exited { return (part.name, exit) }
        }
        guard let primary = status.parts.first, case .ended(let exit) = primary.state else { return nil }
        return (primary.name, exit)
    }

    /// The message that Google's API gives.
    static func failure(of replica: String, _ exit: Exit, tail: [String], job: CustomJob, number: Int64) -> JobOutcome {
        let query = "resource.type%3D%22ml_job%22%20resource.labels.job_id%3D%22\(job.id)%22"
        let pointer =
            "\n\nTo find out more about why your job exited please check the logs: "
            + "https://console.cloud.google.com/logs/viewer?project=\(number)&resource=ml_job%2Fjob_id%2F\(job.id)"
            + "&advancedFilter=\(query)"
        let message =
            switch exit.reason {
            case .outOfMemory:
                "The replica \(replica) ran out of memory and exited with a non-zero status of \(exit.code)."
            case .outOfDisk:
                "The replica \(replica) was stopped: \(exit.message ?? "the disk is nearly full")."
            case .failedToStart:
                "The replica \(replica) exited with a non-zero status of 128. Termination reason: StartError. "
                    + "Termination log message: \(exit.message ?? "the container cannot start")"
            default:
                "The replica \(replica) exited with a non-zero status of \(exit.code). Termination reason: Error. \n"
                    + tail.joined(separator: "\n")
            }
        return .failed(code: 3, message: message + pointer)
    }

    static func failure(_ error: any Error, location: String) -> JobOutcome {
        switch error {
        case EngineError.insufficient:
            .failed(
                code: 8,
                message: "Resources are insufficient in region: \(location). "
                    + "Try a different region or use a different accelerator."
            )
        case let error as EngineError:
            .failed(code: Int64(error.asGoogleError.status.rpcCode), message: error.description)
        case let error as GoogleError: .failed(code: Int64(error.status.rpcCode), message: error.message)
        default: .failed(code: 13, message: "Internal error occurred for the current attempt.")
        }
    }
}
