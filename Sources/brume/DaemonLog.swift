import Logging

/// The daemon's log on standard error.
///
/// A stream handler writes its metadata out whenever one is set, which every request does, and hardly one logs. This one
/// does so when something is logged.
struct DaemonLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level
    private let label: String

    init(label: String, level: Logger.Level) { (self.label, logLevel) = (label, level) }

    func log(event: LogEvent) {
        var stream = StreamLogHandler.standardError(label: label, metadataProvider: metadataProvider)
        stream.metadata = metadata
        stream.log(event: event)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
}
