import Foundation
package import GoogleAPI

/// Something that happened, as a service tells it: the store adds times and identifiers.
///
/// See [LogEntry](https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry).
package struct LogEntry: Sendable, Equatable {
    package enum Payload: Sendable, Equatable {
        case text(String)
        case json(JSON)
    }

    /// The log's ID, not encoded: `workerpool0-0`, `cloudbuild`.
    package var log: String
    /// The monitored resource: `{"type": "ml_job", "labels": {"job_id": "…"}}`.
    package var resource: JSON
    package var severity: LogSeverity
    package var payload: Payload
    package var labels: [String: String]

    package init(
        log: String,
        resource: JSON,
        severity: LogSeverity = .default,
        payload: Payload,
        labels: [String: String] = [:]
    ) {
        self.log = log
        self.resource = resource
        self.severity = severity
        self.payload = payload
        self.labels = labels
    }

    /// The entry as on the wire, without what the store adds.
    func document(project: String) -> JSON {
        var document: JSON = [
            "logName": .string(LogName(project: project, id: log).text),
            "resource": resource,
            "severity": .string(severity.name),
        ]
        switch payload {
        case .text(let text): document["textPayload"] = .string(text)
        case .json(let json): document["jsonPayload"] = json
        }
        if !labels.isEmpty { document["labels"] = .object(labels.mapValues(JSON.string)) }
        return document
    }
}

/// `projects/demo/logs/compute.googleapis.com%2Factivity_log`: the log's ID is percent-encoded in names.
struct LogName: Sendable, Equatable {
    var project: String
    /// Decoded.
    var id: String

    init(project: String, id: String) {
        self.project = project
        self.id = id
    }

    /// - Throws: ``GoogleError`` `invalid` (400).
    init(parsing text: String) throws {
        let segments = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard segments.count == 4, segments[0] == "projects", !segments[1].isEmpty, segments[2] == "logs",
            let id = segments[3].removingPercentEncoding, !id.isEmpty, id.utf8.count < 512
        else { throw GoogleError.badLogName(text) }
        project = segments[1]
        self.id = id
    }

    var text: String {
        "projects/\(project)/logs/"
            + id.utf8.map { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    String(UnicodeScalar(byte))
                default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
                }
            }.joined()
    }
}
