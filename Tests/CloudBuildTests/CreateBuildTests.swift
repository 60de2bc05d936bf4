import BrumeTesting
import GoogleAPI
import Testing

@Suite("cloudbuild.projects.locations.builds.create")
struct CreateBuildTests {
    @Test(arguments: [
        (#"{}"#, "must have at least one step"),
        (#"{"steps": [{"args": ["x"]}]}"#, "name field is required"),
        (#"{"steps": [{"name": "alpine", "waitFor": ["later"]}]}"#, "not an earlier step"),
        (#"{"steps": [{"name": "alpine", "id": "a"}, {"name": "alpine", "id": "a"}]}"#, "duplicate step id"),
        (
            #"{"steps": [{"name": "alpine", "volumes": [{"name": "/etc", "path": "/host"}]}]}"#,
            #"volume name "/etc" must match"#
        ),
        (
            #"{"steps": [{"name": "alpine", "volumes": [{"name": "..", "path": "/host"}]}]}"#,
            #"volume name ".." must match"#
        ),
        (
            #"{"steps": [{"name": "alpine", "volumes": [{"name": "vol", "path": "/var/run/docker.sock"}]}]}"#,
            "is reserved"
        ),
        (#"{"steps": [{"name": "alpine", "script": "ls", "args": ["x"]}]}"#, "script cannot be used"),
        (#"{"steps": [{"name": "alpine"}], "timeout": "90000s"}"#, "maximum of 24h"),
        (
            #"{"steps": [{"name": "alpine", "args": ["$WHAT"]}]}"#,
            #"key in the template "WHAT" is not a valid built-in substitution"#
        ),
        (
            #"{"steps": [{"name": "alpine", "args": ["$_WHAT"]}]}"#,
            #"key in the template "_WHAT" is not matched in the substitution data"#
        ),
        (
            #"{"steps": [{"name": "alpine"}], "substitutions": {"_WHAT": "x"}}"#,
            #"key "_WHAT" in the substitution data is not matched in the template"#
        ),
    ])
    func `a build that cannot be is refused in Cloud Build's words`(json: String, message: String) async throws {
        try await withBuilds { builds in
            let reply = try await builds.api.post("/cloudbuild/v1/projects/demo/builds", json: json)
            #expect(reply.status == 400)
            #expect(reply.message?.contains(message) == true, "\(reply.message ?? "")")
            #expect(try await builds.api.get("/cloudbuild/v1/projects/demo/builds").json == [:])
        }
    }

    @Test func `substitutions are made once, and dollars escape themselves`() async throws {
        try await withBuilds { builds in
            let id = try await builds.create(
                #"""
                {"steps": [{"name": "alpine", "args": ["${_A}-$PROJECT_ID", "$$HOME", "$(date)", "$lower", "<$COMMIT_SHA>"]}],
                 "substitutions": {"_A": "$PROJECT_ID"}}
                """#
            )
            let arguments = try await builds.get(id)["steps"]?[0]?["args"]
            #expect(arguments == ["$PROJECT_ID-demo", "$HOME", "$(date)", "$lower", "<>"])
        }
    }

    @Test func `numbers of enums, as Python sends them, become names`() async throws {
        try await withBuilds { builds in
            let id = try await builds.create(
                #"{"steps": [{"name": "alpine"}], "options": {"machineType": 5, "logging": 2}}"#
            )
            let options = try await builds.get(id)["options"]
            #expect(options?["machineType"] == "E2_HIGHCPU_8" && options?["logging"] == "GCS_ONLY")
        }
    }

    @Test func `the operation of a build is found by its name`() async throws {
        try await withBuilds { builds in
            let reply = try await builds.api.post(
                "/cloudbuild/v1/projects/demo/builds",
                json: #"{"steps": [{"name": "alpine"}]}"#
            )
            let name = try #require(reply.json["name"]?.string)
            let operation = try await builds.api.get("/cloudbuild/v1/\(name)")
            #expect(operation.json["metadata"]?["build"]?["id"] == reply.json["metadata"]?["build"]?["id"])
        }
    }
}
