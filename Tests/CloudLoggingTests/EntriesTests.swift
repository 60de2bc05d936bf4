import BrumeTesting
import CloudLogging
import Foundation
import GoogleAPI
import Testing

@Suite("logging.entries.write")
struct WriteEntriesTests {
    @Test func `the server adds times, an ID and the project, as gcloud expects`() async throws {
        let cloud = try LoggingCloud()
        let reply = try await cloud.api.post(
            "/logging/v2/entries:write",
            json: """
                {"entries":[{"logName":"projects/demo/logs/my-log","resource":{"type":"global"},
                "severity":"WARNING","textPayload":"fog"}]}
                """
        )
        #expect(reply.status == 200 && reply.json == [:])
        let entry = try #require(try await cloud.list("").json["entries"]?[0])
        #expect(entry["textPayload"] == "fog" && entry["severity"] == "WARNING")
        #expect(entry["resource"]?["labels"]?["project_id"] == "demo")
        #expect(entry["insertId"]?.string?.isEmpty == false)
        #expect(entry["timestamp"]?.string?.count == 30 && entry["timestamp"] == entry["receiveTimestamp"])
    }

    @Test func `a severity may be a number, defaults stand beside the entries, names may hold the project's number`()
        async throws
    {
        let cloud = try LoggingCloud()
        let reply = try await cloud.api.post(
            "/logging/v2/entries:write",
            json: """
                {"logName":"projects/123456789012/logs/a%2Fb","resource":{"type":"global"},"labels":{"x":"1","y":"1"},
                "entries":[{"severity":400,"jsonPayload":{"message":"m"},"labels":{"y":"2"},
                "timestamp":"2026-11-22T02:15:38.482535+00:00"}]}
                """
        )
        #expect(reply.status == 200)
        let entry = try #require(try await cloud.list("log_id(\"a/b\")").json["entries"]?[0])
        #expect(entry["severity"] == "WARNING" && entry["labels"] == ["x": "1", "y": "2"])
        #expect(entry["logName"] == "projects/demo/logs/a%2Fb")
        #expect(entry["timestamp"] == "2026-11-22T02:15:38.482535000Z")
    }

    @Test func `the same entry sent twice is kept once`() async throws {
        let cloud = try LoggingCloud()
        let body = """
            {"entries":[{"logName":"projects/demo/logs/l","insertId":"i","timestamp":"2026-11-22T02:15:38Z","textPayload":"a"}]}
            """
        for _ in 1...2 { #expect(try await cloud.api.post("/logging/v2/entries:write", json: body).status == 200) }
        #expect(try await cloud.texts("") == ["a"])
    }

    @Test(arguments: [
        #"{}"#, #"{"entries":[{"textPayload":"x"}]}"#, #"{"entries":[{"logName":"logs/x"}]}"#,
        #"{"entries":[{"logName":"projects/demo/logs/l","severity":"LOUD"}]}"#,
        #"{"entries":[{"logName":"projects/demo/logs/l","timestamp":"yesterday"}]}"#,
        #"{"entries":[{"logName":"projects/demo/logs/l"},{"logName":"projects/other/logs/l"}]}"#,
    ])
    func `a bad entry answers 400 and nothing is kept`(body: String) async throws {
        let cloud = try LoggingCloud()
        let reply = try await cloud.api.post("/logging/v2/entries:write", json: body)
        #expect(reply.status == 400)
        #expect(try await cloud.texts("") == [])
    }

    @Test func `timestamps and IDs grow even when the clock stands still or goes back`() async throws {
        let clock = Counter()
        let cloud = try LoggingCloud(now: { Date(timeIntervalSince1970: 1_800_000_000 - Double(clock.next())) })
        for index in 0..<3 {
            try await cloud.logging.write(
                [cloud.jobLine("\(index)a"), cloud.jobLine("\(index)b")],
                project: "demo"
            )
        }
        let entries = try await cloud.list("").json["entries"]?.array ?? []
        #expect(entries.compactMap { $0["textPayload"]?.string } == ["0a", "0b", "1a", "1b", "2a", "2b"])
        let times = entries.compactMap { $0["timestamp"]?.string }
        let identifiers = entries.compactMap { $0["insertId"]?.string }
        #expect(times == times.sorted() && Set(times).count == 6)
        #expect(identifiers == identifiers.sorted() && Set(identifiers).count == 6)
    }
}

@Suite("logging.entries.list")
struct ListEntriesTests {
    @Test func `pages follow one another in both orders`() async throws {
        let cloud = try LoggingCloud()
        try await cloud.logging.write((0..<7).map { cloud.jobLine("\($0)") }, project: "demo")
        for order in ["asc", "desc"] {
            var texts: [String] = []
            var token = ""
            repeat {
                let reply = try await cloud.list(
                    "resource.labels.job_id=42",
                    more: ["orderBy": .string("timestamp \(order)"), "pageSize": 3, "pageToken": .string(token)]
                )
                texts += reply.json["entries"]?.array?.compactMap { $0["textPayload"]?.string } ?? []
                token = reply.json["nextPageToken"]?.string ?? ""
            } while !token.isEmpty
            let oldestFirst = ["0", "1", "2", "3", "4", "5", "6"]
            #expect(texts == (order == "asc" ? oldestFirst : oldestFirst.reversed()))
        }
    }

    @Test func `an empty answer is an empty object`() async throws {
        let reply = try await LoggingCloud().list("severity>=ERROR")
        #expect(reply.status == 200 && reply.json == [:])
    }

    @Test func `entries of one job are told apart from another's`() async throws {
        let cloud = try LoggingCloud()
        try await cloud.logging.write([cloud.jobLine("mine"), cloud.jobLine("other", job: "43")], project: "demo")
        #expect(try await cloud.texts("resource.type=\"ml_job\" AND resource.labels.job_id=\"42\"") == ["mine"])
        #expect(try await cloud.texts("NOT resource.labels.job_id=\"42\"") == ["other"])
    }

    @Test(arguments: [
        #"{"filter":"x"}"#, #"{"resourceNames":["organizations/1"]}"#,
        #"{"resourceNames":["projects/demo"],"filter":"severity="}"#,
        #"{"resourceNames":["projects/demo"],"orderBy":"severity"}"#,
        #"{"resourceNames":["projects/demo"],"pageToken":"?"}"#,
        #"{"resourceNames":["projects/demo","projects/other"]}"#,
    ])
    func `a request that says nothing sensible answers 400`(body: String) async throws {
        #expect(try await LoggingCloud().api.post("/logging/v2/entries:list", json: body).status == 400)
    }

    @Test func `an unknown project answers 404`() async throws {
        let reply = try await LoggingCloud().list("", more: ["resourceNames": ["projects/nowhere"]])
        #expect(reply.status == 404)
    }
}

@Suite("gcloud ai custom-jobs stream-logs")
struct LogFollowerTests {
    static let userAgent = "google-cloud-sdk gcloud/528.0.0 command/gcloud.ai.custom-jobs.stream-logs"
    static let filter = "resource.type=\"ml_job\" AND resource.labels.job_id=\"42\" AND "

    @Test func `a poll is held until a line comes, and sees it at once although it asks for older ones`() async throws {
        let cloud = try LoggingCloud()
        cloud.jobs.begin("42")
        async let reply = cloud.list(
            Self.filter + "timestamp>=\"1970-01-01T01:00:00.000000000Z\" AND timestamp<\"2026-01-01T00:00:00+0000\"",
            userAgent: Self.userAgent
        )
        try await cloud.logging.write([cloud.jobLine("not this", job: "43")], project: "demo")
        try await cloud.logging.write([cloud.jobLine("Epoch 1")], project: "demo")
        let entries = try await reply.json["entries"]?.array
        #expect(entries?.compactMap { $0["textPayload"]?.string } == ["Epoch 1"])
    }

    @Test func `the line that was seen last is not told again, and the end of the job ends the wait`() async throws {
        let cloud = try LoggingCloud(heartbeat: .milliseconds(20))
        cloud.jobs.begin("42")
        try await cloud.logging.write([cloud.jobLine("Epoch 1")], project: "demo")
        let first = try #require(try await cloud.list(Self.filter + "timestamp>=\"2020-01-01\"").json["entries"]?[0])
        let seen = try #require(first["timestamp"]?.string)
        async let reply = cloud.list(Self.filter + "timestamp>=\"\(seen)\"", userAgent: Self.userAgent)
        cloud.jobs.end("42")
        let answer = try await reply
        #expect(answer.status == 200 && answer.json == [:])
    }

    @Test func `the poll of a job that is over answers at once`() async throws {
        let reply = try await LoggingCloud().list(Self.filter + "timestamp>\"2020-01-01\"", userAgent: Self.userAgent)
        #expect(reply.status == 200 && reply.json == [:])
    }
}

@Suite("logging.projects.logs")
struct LogsTests {
    @Test func `logs are listed by their encoded names and deleted with their entries`() async throws {
        let cloud = try LoggingCloud()
        #expect(try await cloud.api.get("/logging/v2/projects/demo/logs").json == [:])
        try await cloud.logging.write(
            [LogEntry(log: "a.com/b", resource: ["type": "global"], payload: .text("x"))],
            project: "demo"
        )
        let names = try await cloud.api.get("/logging/v2/projects/demo/logs").json
        #expect(names == ["logNames": ["projects/demo/logs/a.com%2Fb"]])
        #expect(try await cloud.api.delete("/logging/v2/projects/demo/logs/a.com%2Fb").status == 200)
        #expect(try await cloud.texts("") == [])
        #expect(try await cloud.api.delete("/logging/v2/projects/demo/logs/a.com%2Fb").status == 404)
    }
}
