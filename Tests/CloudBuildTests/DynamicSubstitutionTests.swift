import BrumeTesting
import GoogleAPI
import Testing

@Suite("cloudbuild.builds: dynamicSubstitutions", .timeLimit(.minutes(1)))
struct DynamicSubstitutionTests {
    private func reply(_ substitutions: JSON, arguments: JSON = ["$_X"], options: JSON = [:]) async throws -> TestReply
    {
        var all: JSON = ["dynamicSubstitutions": true]
        all.merge(options)
        let build: JSON = [
            "steps": [["name": "alpine", "args": arguments]], "substitutions": substitutions, "options": all,
        ]
        let text = String(decoding: try build.data(), as: UTF8.self)
        var reply: TestReply?
        try await withBuilds { reply = try await $0.api.post("/cloudbuild/v1/projects/demo/builds", json: text) }
        return try #require(reply)
    }

    private func value(of text: String) async throws -> String? {
        let others: JSON = ["_V": "feature/login/v1.2", "_EMPTY": "", "_X": .string(text)]
        let made = try await reply(others, options: ["substitutionOption": "ALLOW_LOOSE"])
        return made.json["metadata"]?["build"]?["steps"]?[0]?["args"]?[0]?.string ?? made.text
    }

    /// Every expectation but that of `$$` is what bash prints.
    @Test(arguments: [
        ("$_V", "feature/login/v1.2"), ("${_V}!", "feature/login/v1.2!"), ("${#_V}", "18"),
        ("${_V#*/}", "login/v1.2"), ("${_V##*/}", "v1.2"), ("${_V%/*}", "feature/login"), ("${_V%%/*}", "feature"),
        ("${_V#x}", "feature/login/v1.2"), ("${_V%.[0-9]}", "feature/login/v1"), ("${_V##*[!0-9.]}", "1.2"),
        ("${_V^}", "Feature/login/v1.2"), ("${_V^^}", "FEATURE/LOGIN/V1.2"), ("${_V,,}", "feature/login/v1.2"),
        ("${_V:8}", "login/v1.2"), ("${_V:8:5}", "login"), ("${_V: -4}", "v1.2"), ("${_V:0:-5}", "feature/login"),
        ("${_V:99}", ""), ("${_V///-}", "feature/login/v1.2"), ("${_V//\\//-}", "feature-login-v1.2"),
        ("${_V/login/out}", "feature/out/v1.2"), ("${_V/l*n}", "feature//v1.2"), ("${_V/#fea/x}", "xture/login/v1.2"),
        ("${_V/#login/x}", "feature/login/v1.2"), ("${_V/%.?/!}", "feature/login/v1!"),
        ("${_V//[aeiou]/}", "ftr/lgn/v1.2"),
        ("${_NONE:-fog}", "fog"), ("${_NONE-fog}", "fog"), ("${_EMPTY:-fog}", "fog"), ("${_EMPTY-fog}", ""),
        ("${_NONE:=fog}", "fog"), ("${_V:-fog}", "feature/login/v1.2"), ("${_NONE:-${_V##*/}}", "v1.2"),
        ("$PROJECT_ID-${_V%%/*}", "demo-feature"), ("$_NONE", ""), ("$$_V and $(x) ${x}", "$_V and $(x) ${x}"),
    ])
    func `values are expanded as bash does`(text: String, expected: String) async throws {
        #expect(try await value(of: text) == expected)
    }

    @Test func `values name one another in any order, and being named is being used`() async throws {
        let made = try await reply(["_X": "$_B-$_A", "_A": "${_B^^}", "_B": "fog"])
        #expect(made.json["metadata"]?["build"]?["steps"]?[0]?["args"] == ["fog-FOG"], "\(made.text)")
    }

    @Test(
        arguments: [
            (["_X": "$_A", "_A": "$_B", "_B": "$_A"], "circle"), (["_X": "${PROJECT_ID@Q}"], "not an expansion"),
            (["_X": "$_A$_A", "_A": .string(String(repeating: "x", count: 2500))], "longer than 4000"),
            (["_X": .string(String(repeating: "${_A:-", count: 60) + String(repeating: "}", count: 60))], "too deeply"),
        ] as [(JSON, String)]
    )
    func `what cannot be filled in is refused`(substitutions: JSON, why: String) async throws {
        let made = try await reply(substitutions)
        #expect(made.status == 400 && made.message?.contains(why) == true, "\(made.text)")
    }

    @Test func `without the option values stay as they are`() async throws {
        let made = try await reply(["_X": "${PROJECT_ID^^}"], options: ["dynamicSubstitutions": false])
        #expect(made.json["metadata"]?["build"]?["steps"]?[0]?["args"] == ["${PROJECT_ID^^}"], "\(made.text)")
    }
}
