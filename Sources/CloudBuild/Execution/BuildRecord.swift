import Foundation
import GoogleAPI
import Workloads

/// What a build's resource says of how it went.
struct BuildRecord: Sendable {
    private(set) var document: JSON

    init(_ document: JSON) { self.document = document }

    mutating func time(_ phase: String, from start: Date, to end: Date) {
        var timing = document["timing"] ?? [:]
        timing[phase] = Self.span(start, end)
        document["timing"] = timing
    }

    /// Notes what a reader of the build should know, whatever its result.
    mutating func warn(_ text: String) {
        let warning: JSON = ["text": .string(text), "priority": "WARNING"]
        document["warnings"] = .array((document["warnings"]?.array ?? []) + [warning])
    }

    /// The state, exit code and times of each step.
    mutating func steps(from status: WorkloadStatus) {
        var steps = document["steps"]?.array ?? []
        for (index, part) in status.parts.enumerated() where steps.indices.contains(index) {
            switch part.state {
            case .waiting, .skipped: steps[index]["status"] = "QUEUED"
            case .running, .unknown: steps[index]["status"] = "WORKING"
            case .ended(let exit):
                let isGood = exit.reason == .exited && exit.code == 0
                steps[index]["status"] = isGood ? "SUCCESS" : exit.reason == .timedOut ? "TIMEOUT" : "FAILURE"
                if exit.code != 0 { steps[index]["exitCode"] = .integer(Int64(exit.code)) }
            }
            if let start = part.startTime {
                steps[index]["timing"] = Self.span(start, part.endTime ?? start)
                steps[index]["pullTiming"] = Self.span(start, start)
            }
        }
        document["steps"] = .array(steps)
    }

    /// What had not ended by itself was ended with the build.
    mutating func interrupt(as status: Build.Status) {
        guard status != .internalError else { return }
        var steps = document["steps"]?.array ?? []
        for index in steps.indices {
            switch steps[index]["status"]?.string {
            case "SUCCESS", "QUEUED", nil: break
            default: steps[index]["status"] = .string(status.rawValue)
            }
        }
        document["steps"] = .array(steps)
    }

    /// The content of each step's image.
    mutating func describeBuilders(_ engine: any WorkloadEngine) async {
        var identifiers: [JSON] = []
        for step in document["steps"]?.array ?? [] {
            let image = try? await engine.image(ImageReference(step["name"]?.string ?? ""))
            identifiers.append(.string(image.flatMap(\.self)?.id ?? ""))
        }
        var results = document["results"] ?? [:]
        results["buildStepImages"] = .array(identifiers)
        document["results"] = results
    }

    /// An image that was named without a tag is listed under both names, as Cloud Build does.
    mutating func pushed(_ name: String, digest: String, from start: Date, to end: Date) {
        var results = document["results"] ?? [:]
        var images = results["images"]?.array ?? []
        let reference = ImageReference(name)
        for listed in reference.text == name ? [name] : [name, reference.text] {
            images.append(
                ["name": .string(listed), "digest": .string(digest), "pushTiming": Self.span(start, end)]
            )
        }
        results["images"] = .array(images)
        document["results"] = results
    }

    private static func span(_ start: Date, _ end: Date) -> JSON {
        ["startTime": .string(Timestamp.text(start)), "endTime": .string(Timestamp.text(end))]
    }
}
