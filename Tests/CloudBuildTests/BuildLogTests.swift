import BrumeTesting
import Foundation
import GoogleAPI
import SimulatedEngine
import Testing
import Workloads

@Suite("cloudbuild: long logs", .timeLimit(.minutes(2)))
struct BuildLogTests {
    @Test func `what two steps print at once is kept whole, line by line`() async throws {
        try await withBuilds { builds in
            let text = String(repeating: "x", count: 1000)
            await builds.engine.whenRun("alpine") { step in
                for number in 0..<20_000 { await step.print("\(number) \(text)") }
                return Exit(code: 0)
            }
            let id = try await builds.create(
                #"{"steps": [{"name": "alpine"}, {"name": "alpine", "waitFor": ["-"]}]}"#
            )
            #expect(try await builds.ended(id)["status"] == "SUCCESS")
            let log = builds.log(id)
            for step in 0...1 {
                let lines = log.split(separator: "\n").filter { $0.hasPrefix("Step #\(step): ") && $0.hasSuffix("x") }
                #expect(lines.count == 20_000)
                #expect(lines.enumerated().allSatisfy { $1.hasPrefix("Step #\(step): \($0) x") })
            }
            #expect(log.hasSuffix("\nDONE\n"))
        }
    }

    @Test func `output beyond the limit is left out, and what Cloud Build says is not`() async throws {
        try await withBuilds { builds in
            let line = String(repeating: "y", count: (1 << 20) - 1)
            await builds.engine.whenRun("alpine") { step in
                for _ in 0..<60 { await step.print(line) }
                return Exit(code: 2)
            }
            let id = try await builds.create(#"{"steps": [{"name": "alpine"}], "options": {"logging": "GCS_ONLY"}}"#)
            #expect(try await builds.ended(id)["status"] == "FAILURE")
            let end = String(builds.log(id).suffix(1000))
            #expect(end.contains("y\n\n[the steps printed more than 50000000 bytes; the rest is left out]\nERROR\n"))
            #expect(end.hasSuffix("non-zero status: 2\n"))
        }
    }
}
