import APIServer
import Foundation
import GoogleAPI
import Workloads

/// A build: its row.
struct Build: Sendable, Equatable {
    var id: String
    var project: ProjectIdentity
    var location: String
    var account: String
    var createTime: Date
    var request: JSON
    /// The resource as on the wire, substitutions made.
    var document: JSON
    var isHandedOver = false
    var isCancelled = false

    var status: Status {
        get { document["status"]?.string.flatMap(Status.init(rawValue:)) ?? .queued }
        set { document["status"] = .string(newValue.rawValue) }
    }

    enum Status: String, Sendable {
        /// Waits for somebody's approval.
        case pending = "PENDING"
        case queued = "QUEUED"
        case working = "WORKING"
        case success = "SUCCESS"
        case failure = "FAILURE"
        case internalError = "INTERNAL_ERROR"
        case timeout = "TIMEOUT"
        case cancelled = "CANCELLED"
        case expired = "EXPIRED"

        var isFinal: Bool { ![.pending, .queued, .working].contains(self) }
    }

    var workload: WorkloadName { WorkloadName("build-\(id)") }

    var steps: [JSON] { document["steps"]?.array ?? [] }

    /// The images to push after the steps, from `images` and `artifacts.images`.
    var images: [String] {
        let listed = document["images"]?.array ?? document["artifacts"]?["images"]?.array ?? []
        return listed.compactMap(\.string)
    }

    var timeout: Duration { BuildDuration.read(document["timeout"]?.string) ?? .seconds(3600) }
    /// Since when it waits for its turn.
    var queueTime: Date {
        document["approval"]?["result"]?["approvalTime"]?.string.flatMap(Timestamp.date) ?? createTime
    }
    var queueTTL: Duration { BuildDuration.read(document["queueTtl"]?.string) ?? .seconds(3600) }

    /// Whether the lines of the log are entries of Cloud Logging.
    var isToldToCloudLogging: Bool {
        switch document["options"]?["logging"]?.string {
        case "NONE", "GCS_ONLY": false
        default: true
        }
    }

    /// Where the log goes: bucket and object; nil for builds without one.
    var log: (bucket: String, object: String)? {
        guard let place = document["logsBucket"]?.string else { return nil }
        switch document["options"]?["logging"]?.string {
        case "NONE", "CLOUD_LOGGING_ONLY", "STACKDRIVER_ONLY": return nil
        default: break
        }
        let parts = place.dropFirst(place.hasPrefix("gs://") ? 5 : 0).split(separator: "/", maxSplits: 1).map(
            String.init
        )
        guard let bucket = parts.first else { return nil }
        let folder = parts.count > 1 ? parts[1] + (parts[1].hasSuffix("/") ? "" : "/") : ""
        return (bucket, "\(folder)log-\(id).txt")
    }

    /// `operations/build/demo/BASE64`, as Cloud Build names the operation of a build.
    var operation: JSON {
        var operation: JSON = [
            "name": .string("operations/build/\(project.id)/\(Data(id.utf8).base64EncodedString())"),
            "metadata": [
                "@type": "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata", "build": document,
            ],
        ]
        guard status.isFinal else { return operation }
        operation["done"] = true
        if status == .success {
            var response = document
            response["@type"] = "type.googleapis.com/google.devtools.cloudbuild.v1.Build"
            operation["response"] = response
        } else {
            let detail = document["statusDetail"]?.string ?? "Build \(id) ended with the status \(status.rawValue)"
            let code = status == .cancelled ? 1 : status == .timeout ? 4 : 2
            operation["error"] = ["code": .integer(Int64(code)), "message": .string(detail)]
        }
        return operation
    }
}

/// Durations as protocol buffers write them in JSON: `300s`, `1.5s`.
enum BuildDuration {
    static func read(_ text: String?) -> Duration? {
        guard let text, text.hasSuffix("s"), let seconds = Double(text.dropLast()), seconds.isFinite, abs(seconds) < 1e9
        else { return nil }
        return .milliseconds(Int64(seconds * 1000))
    }
}
