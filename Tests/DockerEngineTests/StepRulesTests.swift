import DockerEngine
import Foundation
import GoogleAPI
import NIOHTTP1
import Synchronization
import Testing
import Workloads

/// An engine that holds what a test says.
private final class Things: EngineThings {
    let socketPath = "/run/engine"
    /// By path.
    private let held: [String: JSON]
    private let made = Mutex<[JSON]>([])

    init(_ held: [String: JSON]) { self.held = held }

    func find(_ path: String, query: [String: String]) async throws -> JSON? { held[path] }
    func makeVolume(_ body: JSON) async throws { made.withLock { $0.append(body) } }

    var madeVolumes: [String] { made.withLock { $0.compactMap { $0["Name"]?.string } } }
}

private let own: JSON = ["brume.started-by": "build-1"]
private let others: JSON = ["brume.started-by": "build-2"]

@Suite("docker: what a build's steps may ask of the engine")
struct StepRulesTests {
    private let things = Things([
        "/containers/mine/json": ["Id": "0123abcd", "Config": ["Labels": own]],
        "/containers/theirs/json": ["Id": "4567abcd", "Config": ["Labels": others]],
        "/networks/mine": ["Labels": own], "/networks/theirs": ["Labels": others],
        "/volumes/mine": ["Labels": own], "/volumes/theirs": ["Labels": others],
        "/images/everybodys/json": ["RepoTags": ["gcr.io/cloud-builders/docker:latest"]],
        "/exec/e1/json": ["ContainerID": "theirs"], "/exec/e2/json": ["ContainerID": "mine"],
    ])

    private func judge(_ method: HTTPMethod, _ target: String, _ body: JSON? = nil) async throws -> EngineCall {
        let rules = StepRules(
            name: "build-1",
            cloud: "c",
            things: things,
            volumes: ["/workspace": "build-1.workspace"],
            networks: ["cloudbuild"],
            reservedImages: ["gcr.io/cloud-builders/docker"],
            limits: ["Memory": .integer(1 << 30), "NanoCpus": 2_000_000_000],
            socketPath: "/run/s"
        )
        var call = try EngineCall(HTTPRequestHead(version: .http1_1, method: method, uri: target))
        call.body = body
        return try await rules.judge(call)
    }

    private func status(_ method: HTTPMethod, _ target: String, _ body: JSON? = nil) async -> Int {
        do {
            _ = try await judge(method, target, body)
            return 200
        } catch {
            return (error as? StepRefusal)?.status ?? 500
        }
    }

    @Test(arguments: [
        (HTTPMethod.GET, "/_ping"), (.GET, "/v1.41/version"), (.POST, "/v1.41/build?t=gcr.io/demo/app&rm=1"),
        (.POST, "/v1.41/images/gcr.io/demo/app/push?tag=v1"), (.POST, "/v1.41/images/create?fromImage=busybox"),
        (.GET, "/v1.41/containers/mine/logs?follow=1"), (.DELETE, "/v1.41/volumes/mine"),
        (.POST, "/v1.41/exec/e2/start"), (.POST, "/v1.41/commit?container=mine&repo=app"),
        (.POST, "/v1.41/build?t=app&remote="), (.DELETE, "/v1.41/networks/mine"),
    ])
    func `what a build does with Docker is passed on`(method: HTTPMethod, target: String) async {
        #expect(await status(method, target) == 200)
    }

    @Test(arguments: [
        (HTTPMethod.GET, "/v1.41/containers/theirs/json", 404), (.POST, "/v1.41/containers/none/stop", 404),
        (.DELETE, "/v1.41/networks/theirs", 404), (.DELETE, "/v1.41/volumes/theirs", 404),
        (.POST, "/v1.41/exec/e1/start", 403), (.POST, "/v1.41/commit?container=theirs", 403),
        (.POST, "/v1.41/build?remote=http://127.0.0.1/", 403), (.POST, "/v1.41/build?networkmode=host", 403),
        (.POST, "/v1.41/build?securityopt=%5B%22seccomp%3Dunconfined%22%5D", 403),
        (.POST, "/v1.41/build?t=gcr.io/cloud-builders/docker:latest", 403),
        (.POST, "/v1.41/images/app/tag?repo=gcr.io/cloud-builders/docker", 403),
        (.POST, "/v1.41/images/app/tag?repo=docker.io/brume/tools", 403), (.DELETE, "/v1.41/images/everybodys", 403),
        (.POST, "/v1.41/images/create?fromSrc=http://127.0.0.1/", 403), (.POST, "/v1.41/swarm/init", 403),
        (.POST, "/v1.41/plugins/pull", 403), (.POST, "/grpc", 403), (.POST, "/v1.41/images/load", 403),
        (.POST, "/v1.41/containers/mine/start?checkpoint=x", 403), (.POST, "/v1.41/containers/mine/rename?name=x", 403),
        (.GET, "/v1.41/containers/mine/../json", 400), (.POST, "/v1.41/containers%2Fcreate", 400),
        (.POST, "/v1.23/containers/mine/start", 400), (.POST, "/v1.41/containers/create?name=instance-x", 403),
        (.POST, "/v1.41/containers/create?name=deadbeef", 403),
    ])
    func `what reaches beyond the build is refused`(method: HTTPMethod, target: String, expected: Int) async {
        #expect(await status(method, target) == expected)
    }

    @Test(
        arguments: [
            ["HostConfig": ["Privileged": true]], ["HostConfig": ["privileged": true]],
            ["HostConfig": ["Binds": ["/etc:/x"]]], ["HostConfig": ["Binds": ["/workspace/link:/x"]]],
            ["HostConfig": ["Binds": ["/workspace:/x:shared"]]], ["HostConfig": ["Binds": ["theirs:/x"]]],
            ["HostConfig": ["CapAdd": ["SYS_ADMIN"]]], ["HostConfig": ["Devices": [["PathOnHost": "/dev/kmsg"]]]],
            ["HostConfig": ["SecurityOpt": ["seccomp=unconfined"]]], ["HostConfig": ["PidMode": "host"]],
            ["HostConfig": ["NetworkMode": "host"]], ["HostConfig": ["NetworkMode": "container:theirs"]],
            ["HostConfig": ["NetworkMode": "theirs"]], ["HostConfig": ["VolumesFrom": ["theirs:ro"]]],
            ["HostConfig": ["CgroupParent": "/x"]], ["HostConfig": ["Sysctls": ["kernel.x": "1"]]],
            ["HostConfig": ["RestartPolicy": ["Name": "always"]]], ["HostConfig": ["MaskedPaths": ["/none"]]],
            ["HostConfig": ["PortBindings": ["80/tcp": [["HostPort": "80"]]]]], ["HostConfig": ["Runtime": "other"]],
            [
                "HostConfig": [
                    "Mounts": [["Type": "volume", "Source": "a", "Target": "/x", "VolumeOptions": ["NoCopy": true]]]
                ]
            ],
            ["NetworkingConfig": ["EndpointsConfig": ["cloudbuild": ["IPAMConfig": ["IPv4Address": "10.0.0.2"]]]]],
            ["MacAddress": "02:42:00:00:00:01"],
        ] as [JSON]
    )
    func `a container that would be more than the build's own is refused`(members: JSON) async {
        var body: JSON = ["Image": "busybox"]
        body.merge(members)
        #expect(await status(.POST, "/v1.41/containers/create", body) == 403)
    }

    @Test func `a container is made anew, with the build's label, limits, volumes and log`() async throws {
        let made = try await judge(
            .POST,
            "/v1.41/containers/create?name=server",
            [
                "Image": "busybox", "Labels": ["brume.started-by": "build-2", "team": "a"],
                "HostConfig": [
                    "Binds": ["/workspace:/w:ro", "cache:/c", "/var/run/docker.sock:/var/run/docker.sock"],
                    "Memory": .integer(8 << 30), "PidsLimit": -1, "VolumesFrom": ["mine:ro"], "CpuQuota": 900_000,
                ],
            ]
        )
        let config = made.body?["HostConfig"]
        #expect(made.body?["Labels"]?["brume.started-by"] == "build-1" && made.body?["Labels"]?["team"] == "a")
        #expect(
            config?["Binds"] == ["build-1.workspace:/w:ro", "cache:/c", "/run/s:/var/run/docker.sock"]
                && things.madeVolumes == ["cache"]
        )
        #expect(config?["Memory"] == .integer(1 << 30) && config?["NanoCpus"] == 2_000_000_000)
        #expect(config?["PidsLimit"] == 4096 && config?["CpuQuota"] == nil)
        #expect(config?["VolumesFrom"] == ["0123abcd:ro"] && config?["LogConfig"]?["Type"] == "json-file")
    }

    @Test func `a name is passed on as the identifier that it stands for now, and lists show the build's own`()
        async throws
    {
        #expect(
            try await judge(.POST, "/v1.41/containers/mine/stop?t=1").target == "/v1.41/containers/0123abcd/stop?t=1"
        )
        let list = try await judge(.GET, "/v1.41/containers/json?all=1")
        #expect(list.target.contains("brume.started-by%3Dbuild-1"))
    }

    @Test func `a build has so many containers, networks and volumes, and no more`() async throws {
        let many = Things([
            "/containers/json": .array(Array(repeating: [:], count: 64)),
            "/networks": .array(Array(repeating: [:], count: 4)),
            "/volumes": ["Volumes": .array(Array(repeating: [:], count: 63))],
        ])
        let rules = StepRules(
            name: "build-1",
            cloud: "c",
            things: many,
            volumes: [:],
            networks: [],
            reservedImages: [],
            limits: [:],
            socketPath: "/run/s"
        )
        func judge(_ target: String) async throws {
            var call = try EngineCall(HTTPRequestHead(version: .http1_1, method: .POST, uri: target))
            call.body = ["Name": "one"]
            _ = try await rules.judge(call)
        }
        for target in ["/containers/create", "/networks/create"] {
            await #expect(throws: StepRefusal.self) { try await judge(target) }
        }
        try await judge("/volumes/create")
        #expect(many.madeVolumes == ["one"])
    }
}
