import GoogleAPI
import Workloads

/// How a build ends when it does not succeed.
struct BuildFailure: Error, Equatable {
    var status: Build.Status
    /// Google's word for the kind: `USER_BUILD_STEP`.
    var type: String?
    /// What the log says after `ERROR: `.
    var text: String
    /// What the resource says.
    var detail: String

    init(_ status: Build.Status, type: String?, text: String, detail: String? = nil) {
        self.status = status
        self.type = type
        self.text = text
        self.detail = detail ?? text
    }

    static func step(_ index: Int, _ image: String, _ exit: Exit) -> BuildFailure {
        let why =
            switch exit.reason {
            case .failedToStart: "starting step container failed: \(exit.message ?? "unknown error")"
            case .outOfDisk: "step was stopped: \(exit.message ?? "the disk is nearly full")"
            case .timedOut: "step exceeded its timeout"
            case .outOfMemory: "step ran out of memory and exited with non-zero status: \(exit.code)"
            case .exited, .rebooted, .poweredOff: "step exited with non-zero status: \(exit.code)"
            }
        let text = "build step \(index) \"\(image)\" failed: \(why)"
        return BuildFailure(.failure, type: "USER_BUILD_STEP", text: text, detail: "Build step failure: \(text)")
    }

    static func fetchingSource(_ place: String, _ error: any Error) -> BuildFailure {
        let why = describe(error)
        return BuildFailure(
            .failure,
            type: "FETCH_SOURCE_FAILED",
            text: "failed to fetch source \(place): \(why)",
            detail: "Could not fetch the source \(place): \(why)"
        )
    }

    static func secret(_ version: String, _ error: GoogleError) -> BuildFailure {
        let code = error.status.rawValue.split(separator: "_").map { $0.prefix(1) + $0.dropFirst().lowercased() }
        return BuildFailure(
            .failure,
            type: nil,
            text: "failed to access secret version for secret \(version): "
                + "rpc error: code = \(code.joined()) desc = \(error.message)"
        )
    }

    static func logging(_ error: any Error) -> BuildFailure {
        let text = "the build's log could not be written: \(describe(error))"
        return BuildFailure(.failure, type: "LOGGING_FAILURE", text: text)
    }

    static func imageMissing(_ names: [String]) -> BuildFailure {
        let list = names.map { "\"\($0)\"" }.joined(separator: " ")
        return BuildFailure(
            .failure,
            type: "PUSH_IMAGE_NOT_FOUND",
            text: "failed to find one or more images after execution of build steps: [\(list)]"
        )
    }

    static func push(_ name: String, _ error: any Error) -> BuildFailure {
        let why = describe(error)
        let isDenied = why.lowercased().contains("denied") || why.lowercased().contains("unauthorized")
        return BuildFailure(
            .failure,
            type: isDenied ? "PUSH_NOT_AUTHORIZED" : "PUSH_FAILED",
            text: "failed to push \"\(name)\": \(why)",
            detail: "Could not push the image \"\(name)\": \(why)"
        )
    }

    static func artifacts(_ place: String, _ error: any Error) -> BuildFailure {
        BuildFailure(
            .failure,
            type: "PUSH_FAILED",
            text: "failed to upload artifacts to \(place): \(describe(error))"
        )
    }

    static let cancelled = BuildFailure(.cancelled, type: nil, text: "context canceled", detail: "Build was cancelled")

    static let timedOut = BuildFailure(
        .timeout,
        type: nil,
        text: "context deadline exceeded",
        detail: "Build exceeded its timeout"
    )

    static func engine(_ error: any Error) -> BuildFailure {
        BuildFailure(.internalError, type: nil, text: "the build could not be run: \(describe(error))")
    }

    static func describe(_ error: any Error) -> String {
        if let error = error as? GoogleError { return error.message }
        if let error = error as? EngineError { return error.description }
        return "\(error)"
    }
}
