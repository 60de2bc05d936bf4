import Foundation
import GoogleAPI
import Workloads

/// Makes a build's steps into what the engine runs.
struct StepProcesses {
    let build: Build
    let accessToken: String
    /// By step.
    let surroundings: [@Sendable (inout ProcessSpec) -> Void]
    /// The values of secrets, by variable.
    var secrets: [String: String] = [:]

    static let workspace = "/workspace"
    static let home = "/builder/home"

    static func name(_ index: Int) -> String { "step-\(index)" }

    func volume(_ name: String) -> String { "\(build.workload)-\(name)" }

    /// The volumes that steps share; `home` is every build's.
    var volumes: Set<String> {
        Set(build.steps.flatMap { ($0["volumes"]?.array ?? []).compactMap { $0["name"]?.string } }.map { "v-\($0)" })
            .union(["home"])
    }

    func steps() -> [StepsSpec.Step] {
        let all = build.steps
        let names = Dictionary(
            all.indices.compactMap { index in all[index]["id"]?.string.map { ($0, Self.name(index)) } },
            uniquingKeysWith: { first, _ in first }
        )
        return all.enumerated().map { index, step in
            let waits = (step["waitFor"]?.array ?? []).compactMap(\.string)
            let after =
                if waits.isEmpty {
                    (0..<index).map(Self.name)
                } else {
                    waits.filter { $0 != "-" }.compactMap { names[$0] }
                }
            var made = StepsSpec.Step(name: Self.name(index), process: process(step, index), after: after)
            made.timeout = BuildDuration.read(step["timeout"]?.string)
            made.allowedExitCodes = (step["allowExitCodes"]?.array ?? []).compactMap {
                $0.integer.map { Int32(clamping: $0) }
            }
            made.allowsFailure = made.allowedExitCodes.isEmpty && step["allowFailure"]?.bool ?? false
            return made
        }
    }

    private func process(_ step: JSON, _ index: Int) -> ProcessSpec {
        var process = ProcessSpec(image: ImageReference(step["name"]?.string ?? ""))
        var environment: [String: String] = [:]
        let given = (build.document["options"]?["env"]?.array ?? []) + (step["env"]?.array ?? [])
        for entry in given.compactMap(\.string) {
            guard let equals = entry.firstIndex(of: "=") else { continue }
            environment[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
        }
        for variable in BuildSecretRequest(build.document).variables(of: step) {
            environment[variable] = secrets[variable]
        }
        process.environment = environment
        // What Cloud Build's own surroundings say comes first; a step may say otherwise.
        if surroundings.indices.contains(index) { surroundings[index](&process) }
        process.environment.merge(environment) { $1 }
        process.environment["HOME"] = process.environment["HOME"] ?? Self.home
        process.environment["BUILDER_OUTPUT"] = StepOutputs.folder
        process.workingDirectory = directory(step["dir"]?.string ?? "")
        process.resources = resources
        process.mounts += [
            Mount(.volume(volume("home")), at: Self.home)
        ]
        for entry in step["volumes"]?.array ?? [] {
            guard let name = entry["name"]?.string, let path = entry["path"]?.string else { continue }
            process.mounts.append(Mount(.volume(volume("v-\(name)")), at: path))
        }
        process.files.append(
            FileSpec(path: "\(Self.home)/.docker/config.json", content: Array(credentials.utf8), mode: 0o600)
        )
        // There before the step begins, so that a step of any user can write it.
        process.files.append(FileSpec(path: StepOutputs.file, content: [], mode: 0o666))
        let arguments = (step["args"]?.array ?? []).compactMap(\.string)
        if let script = step["script"]?.string, !script.isEmpty {
            let path = "/builder/script-\(index)"
            let text = script.hasPrefix("#!") ? script : "#!/bin/sh\n" + script
            process.files.append(FileSpec(path: path, content: Array(text.utf8), mode: 0o755))
            process.entrypoint = [path]
            process.arguments = []
        } else {
            if let entrypoint = step["entrypoint"]?.string, !entrypoint.isEmpty {
                process.entrypoint = [entrypoint]
                process.arguments = arguments
            } else if !arguments.isEmpty {
                process.arguments = arguments
            }
        }
        return process
    }

    /// Those of the build's pool, or of its machine.
    private var resources: Resources {
        let options = build.document["options"]
        let worker = options?["pool"]?["workerConfig"]?["machineType"]?.string.flatMap(BuildMachine.worker)
        return worker ?? BuildMachine.resources(options?["machineType"]?.string ?? "UNSPECIFIED") ?? Resources()
    }

    private func directory(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        return path.isEmpty ? Self.workspace : "\(Self.workspace)/\(path)"
    }

    /// Docker's configuration, with a token for every registry of Google's that the build names.
    private var credentials: String {
        var hosts: Set = ["gcr.io", "us.gcr.io", "eu.gcr.io", "asia.gcr.io"]
        let text = (try? build.document.data()).map { String(decoding: $0, as: UTF8.self) } ?? ""
        for match in text.matches(of: /[a-z0-9-]+-docker\.pkg\.dev/) { hosts.insert(String(match.output)) }
        let credential = Data("oauth2accesstoken:\(accessToken)".utf8).base64EncodedString()
        var entries: JSON = [:]
        for host in hosts { entries[host] = ["auth": .string(credential)] }
        let document: JSON = ["auths": entries]
        return (try? document.data()).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
