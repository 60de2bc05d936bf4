import BrumeServer
import BrumeTesting
import Foundation
import Testing

@Suite("configuration")
struct CloudConfigurationTests {
    @Test func `a folder without a leading slash lies in the current folder`() throws {
        let here = FileManager.default.currentDirectoryPath
        #expect(try DataFolder(path: "cloud").path == here + "/cloud")
        #expect(try DataFolder(path: "./a/../cloud/").path == here + "/cloud")
    }

    @Test func `flags win over variables, variables over defaults`() throws {
        let environment = ["BRUME_PORT": "4700", "BRUME_DATA": "/srv/cloud", "BRUME_ENGINE": "unix:///run/docker.sock"]
        let fromVariables = try CloudConfiguration(environment: environment)
        #expect(fromVariables.port == 4700 && fromVariables.data.path == "/srv/cloud")
        #expect(fromVariables.engine == .socket(path: "/run/docker.sock"))
        #expect(try CloudConfiguration(port: 4800, environment: environment).port == 4800)
        let plain = try CloudConfiguration(environment: ["HOME": "/home/me"])
        #expect(plain.port == 4600 && plain.data.path == "/home/me/.local/share/brume" && plain.engine == .managed)
    }

    @Test(arguments: [
        ["BRUME_PORT": "http", "HOME": "/h"], ["BRUME_PORT": "0", "HOME": "/h"],
        ["BRUME_ENGINE": "podman", "HOME": "/h"],
        ["BRUME_DATA": "/"], [:],
    ])
    func `a wrong setting is refused in words`(environment: [String: String]) {
        #expect(throws: SettingError.self) { try CloudConfiguration(environment: environment) }
    }
}

@Suite("the data folder")
struct DataFolderTests {
    @Test func `a second daemon on one folder is refused`() async throws {
        try await withScratchFolder { folder in
            let data = try DataFolder(path: folder.path)
            try data.create()
            #expect(!data.isTaken)
            try data.takeLock()
            #expect(data.isTaken)
            #expect(throws: SettingError.self) { try data.takeLock() }
        }
    }

    @Test func `deleting a cloud leaves what is not the cloud's`() async throws {
        try await withScratchFolder { folder in
            let data = try DataFolder(path: folder.path)
            try data.create()
            let mine = folder.appending(path: "mine.txt")
            try Data("mine".utf8).write(to: mine)
            try data.delete()
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["mine.txt"])
        }
    }
}

@Suite("brume env")
struct EnvironmentSwitchTests {
    static func make() throws -> EnvironmentSwitch {
        EnvironmentSwitch(data: try DataFolder(path: "/d"), port: 4600, project: "demo", engineSocket: "/d/docker.sock")
    }

    @Test func `turning on keeps what was there, turning off restores it`() throws {
        let on = try Self.make().on(shell: .bash, environment: ["HTTPS_PROXY": "http://mine:1"])
        #expect(on.contains("export BRUME_SAVED_HTTPS_PROXY='http://mine:1';"))
        #expect(on.contains("export HTTPS_PROXY='http://127.0.0.1:4600';"))
        let off = EnvironmentSwitch.off(
            shell: .bash,
            environment: [
                "BRUME_ENV": "1", "HTTPS_PROXY": "x", "BRUME_SAVED_HTTPS_PROXY": "http://mine:1",
                "CLOUDSDK_CONFIG": "y",
            ]
        )
        #expect(off.contains("export HTTPS_PROXY='http://mine:1';") && off.contains("unset CLOUDSDK_CONFIG;"))
    }

    @Test func `turning on twice does not forget the first`() throws {
        let again = try Self.make().on(
            shell: .bash,
            environment: ["BRUME_ENV": "1", "HTTPS_PROXY": "http://127.0.0.1:4600"]
        )
        #expect(!again.contains("BRUME_SAVED"))
    }

    @Test func `turning off a shell that was never on changes nothing`() {
        #expect(EnvironmentSwitch.off(shell: .bash, environment: ["HTTPS_PROXY": "http://mine:1"]).isEmpty)
    }

    @Test func `every switched variable is turned back`() throws {
        let on = try Self.make().variables.map(\.name)
        let off = EnvironmentSwitch.off(
            shell: .bash,
            environment: Dictionary(on.map { ($0, "x") }, uniquingKeysWith: { $1 }).merging(["BRUME_ENV": "1"]) { $1 }
        )
        for name in on { #expect(off.contains("unset \(name);")) }
    }

    @Test(arguments: ["it's", "a b", #"back\slash"#, "$HOME"])
    func `values survive the shell`(value: String) throws {
        let data = try DataFolder(path: "/\(value)")
        let line = EnvironmentSwitch(data: data, port: 1, project: "p", engineSocket: nil).on(
            shell: .bash,
            environment: [:]
        )
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", line + "\nprintf %s \"$CLOUDSDK_CONFIG\""]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(String(decoding: output, as: UTF8.self) == "/\(value)/client/gcloud")
    }
}
