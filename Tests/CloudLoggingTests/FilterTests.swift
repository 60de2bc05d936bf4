import CloudLogging
import GoogleAPI
import Testing

@Suite("Logging query language")
struct FilterTests {
    static let entry: JSON = [
        "logName": "projects/demo/logs/workerpool0-0",
        "insertId": "0000a1",
        "severity": "WARNING",
        "timestamp": "2026-11-22T02:15:38.482535000Z",
        "textPayload": "Epoch 3: accuracy 0.91",
        "jsonPayload": ["step": 12, "loss": 0.25, "tags": ["Fog", "mist"], "deep": ["a": ["b": "yes"]], "ok": true],
        "labels": ["k8s.io/app": "trainer"],
        "resource": ["type": "ml_job", "labels": ["job_id": "77", "task_name": "workerpool0-0"]],
    ]

    @Test(arguments: [
        "", "severity=WARNING", "severity>=warning", "severity>INFO AND severity<ERROR", "severity=400",
        "resource.type=\"ml_job\" AND resource.labels.job_id=\"77\"",
        "resource.type=ml_job resource.labels.job_id=77",
        "resource.type=ml_job\nresource.labels.job_id=\"77\" -- the job",
        "textPayload:\"ACCURACY\"", "textPayload:accuracy", "accuracy", "\"epoch 3\"", "Fog",
        "jsonPayload.step=12", "jsonPayload.step>9", "jsonPayload.loss<0.5", "jsonPayload.loss > -1.5",
        "jsonPayload.deep.a.b=YES", "json_payload.ok=true", "jsonPayload.tags=\"mist\"", "jsonPayload.tags:fog",
        "labels.\"k8s.io/app\"=trainer", "labels.\"k8s.io/app\":*", "NOT severity=ERROR", "-severity=ERROR",
        "severity!=ERROR", "textPayload=~\"accuracy 0\\.\\d+$\"", "textPayload!~\"^Loss\"",
        "logName=projects/demo/logs/workerpool0-0", "logName:\"/logs/workerpool\"", "log_id(\"workerpool0-0\")",
        "timestamp>=\"2026-11-22T02:15:38Z\"", "timestamp<\"2026-11-22T02:15:39.000000+0000\"",
        "timestamp=\"2026-11-22T03:15:38.482535+01:00\"", "timestamp>2026-11-22T02:15:38.1Z",
        "timestamp>\"2026-11-21\"",
        "((timestamp=\"2026-11-22T02:15:38.482535000Z\" AND insertId>\"0000a0\") OR timestamp>\"2027-01-01T00:00:00Z\")",
        "severity=ERROR OR severity=WARNING AND accuracy", "resource.type=(\"gce_instance\" OR \"ml_job\")",
        "NOT (severity=ERROR OR severity=INFO)", "NOT jsonPayload.missing=1",
    ])
    func `matches`(text: String) throws {
        #expect(try Filter(parsing: text).matches(Self.entry))
    }

    @Test(arguments: [
        "severity=ERROR", "severity>WARNING", "resource.labels.job_id=\"78\"", "textPayload:loss", "thunder",
        "jsonPayload.step>12", "jsonPayload.step<9", "jsonPayload.missing=1", "jsonPayload.missing!=1",
        "labels.\"k8s.io/other\":*", "NOT severity=WARNING", "textPayload=~\"^accuracy\"", "textPayload!~\"Epoch\"",
        "timestamp<\"2026-11-22T02:15:38Z\"", "log_id(\"workerpool0\")",
        // OR binds closer than AND.
        "severity=WARNING OR severity=ERROR AND thunder", "thunder AND severity=ERROR OR severity=WARNING",
        "resource.type=(\"gce_instance\" OR \"build\")", "insertId>\"0000a1\"",
    ])
    func `does not match`(text: String) throws {
        #expect(try !Filter(parsing: text).matches(Self.entry))
    }

    @Test(arguments: [
        "severity>", "(severity=ERROR", "severity=ERROR)", "= 3", "\"open", "severity=LOUD", "timestamp>yesterday",
        "textPayload=~\"(\"", "sample(insertId, 0.1)", "a AND", "NOT", "severity=!",
    ])
    func `an unreadable filter answers 400 and says why`(text: String) throws {
        let error = #expect(throws: GoogleError.self) { try Filter(parsing: text) }
        #expect(error?.code == 400 && error?.message.contains("ilter") == true)
    }

    @Test func `deep parentheses are refused, not followed`() throws {
        #expect(throws: GoogleError.self) {
            try Filter(parsing: String(repeating: "(", count: 10_000) + "a" + String(repeating: ")", count: 10_000))
        }
    }
}

@Suite("Log timestamps")
struct LogTimestampTests {
    @Test(arguments: [
        ("2026-11-22T02:15:38Z", "2026-11-22T02:15:38.000000000Z"),
        ("2026-11-22T02:15:38.1Z", "2026-11-22T02:15:38.100000000Z"),
        ("2026-11-22T02:15:38.123456789Z", "2026-11-22T02:15:38.123456789Z"),
        ("2024-02-29T23:30:00.5-01:00", "2024-03-01T00:30:00.500000000Z"),
        ("1970-01-01T01:00:00.000000000Z", "1970-01-01T01:00:00.000000000Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000000Z"),
    ])
    func `has one spelling`(read: String, written: String) {
        #expect(LogTimestamp(parsing: read)?.text == written)
    }

    @Test(arguments: [
        "", "2026", "2026-13-01", "2026-11-22T25:00:00Z", "2026-11-22T02:15:38", "now", "2026-11-22T02:15:38Zx",
    ])
    func `is not read from`(text: String) {
        #expect(LogTimestamp(parsing: text) == nil)
    }
}
