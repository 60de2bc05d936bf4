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
        setResult("buildStepImages", .array(identifiers))
    }

    /// An image that was named without a tag is listed under both names, as Cloud Build does.
    mutating func pushed(_ name: String, digest: String, from start: Date, to end: Date) {
        var images = document["results"]?["images"]?.array ?? []
        let reference = ImageReference(name)
        for listed in reference.text == name ? [name] : [name, reference.text] {
            images.append(
                ["name": .string(listed), "digest": .string(digest), "pushTiming": Self.span(start, end)]
            )
        }
        setResult("images", .array(images))
    }

    mutating func stepOutputs(_ outputs: [Data]) {
        setResult("buildStepOutputs", .array(outputs.map { .string($0.base64EncodedString()) }))
    }

    /// The objects that were kept, and where their list lies.
    mutating func keptObjects(_ count: Int, manifest: String, from start: Date, to end: Date) {
        setResult("artifactManifest", .string(manifest))
        setResult("numArtifacts", .string(String(count)))
        setResult("artifactTiming", Self.span(start, end))
        var artifacts = document["artifacts"] ?? [:]
        var objects = artifacts["objects"] ?? [:]
        objects["timing"] = Self.span(start, end)
        artifacts["objects"] = objects
        document["artifacts"] = artifacts
    }

    mutating func keptPackages(_ packages: [JSON]) {
        setResult("pythonPackages", .array((document["results"]?["pythonPackages"]?.array ?? []) + packages))
    }

    private mutating func setResult(_ field: String, _ value: JSON) {
        var results = document["results"] ?? [:]
        results[field] = value
        document["results"] = results
    }

    static func span(_ start: Date, _ end: Date) -> JSON {
        ["startTime": .string(Timestamp.text(start)), "endTime": .string(Timestamp.text(end))]
    }
}
