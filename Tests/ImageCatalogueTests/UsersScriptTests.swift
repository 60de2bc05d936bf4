import Foundation
import HostPrograms
import Testing
import Workloads

import ImageCatalogue

#if canImport(Glibc)
    import Glibc
#endif

/// What tells a machine its users, in a root file system of nothing but BusyBox.
@Suite("users-up.sh", .enabled(if: geteuid() == 0 && HostProgram.find("busybox") != nil))
struct UsersScriptTests {
    private let root = FileManager.default.temporaryDirectory.appending(path: "brume-users-\(UUID())")

    /// Makes the root with these files, runs the script once for each input, and looks at the root.
    private func withMachine(
        _ files: [String: String] = [:],
        runs inputs: String...,
        look: ((String) -> String?) throws -> Void
    ) async throws {
        defer { try? FileManager.default.removeItem(at: root) }
        let (bin, applets) = (root.appending(path: ".brume/bin"), root.appending(path: ".brume/applets"))
        for folder in [bin, applets] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        // BusyBox starts this one anew, which without /proc it finds by its name.
        try FileManager.default.createSymbolicLink(
            atPath: applets.path + "/wc",
            withDestinationPath: "../bin/busybox"
        )
        let busybox = try #require(HostProgram.find("busybox"))
        try FileManager.default.copyItem(atPath: busybox, toPath: bin.path + "/busybox")
        try FileManager.default.createSymbolicLink(atPath: bin.path + "/sh", withDestinationPath: "busybox")
        for (path, text) in files {
            let file = root.appending(path: path)
            let folder = file.deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
        }
        let command = try GuestTools.users(of: "instance-1", name: "vm", domain: "zone.c.p.internal").command
        for input in inputs {
            let script = "printf '%s' \"$1\" | { root=$2; shift 2; chroot \"$root\" \"$@\"; }"
            let report = try await HostProgram("/bin/sh", ["-c", script, "run", input, root.path] + command)
                .run(line: { _ in })
            #expect(report.status == 0, "\(report.output)")
        }
        try look { try? String(contentsOf: root.appending(path: $0), encoding: .utf8) }
        let left = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
        #expect(!left.contains { $0.contains(".new") })
    }

    @Test func `users come and go, in an image without any file`() async throws {
        let keys = "ada:ssh-ed25519 A1 ada\r\nbob.x:ssh-rsa B bob\nada:ssh-rsa A2 ada\n.no:ssh-rsa x y\nnothing\n"
        try await withMachine(runs: keys, "ada:ssh-ed25519 A1 ada\n") { read in
            #expect(read(".brume-run/keys/ada") == "ssh-ed25519 A1 ada\n")
            #expect(read(".brume-run/keys/bob.x") == nil)
            let people = read("etc/passwd")?.split(separator: "\n").dropFirst()
            #expect(
                people.map(Array.init) == [
                    "ada:x:1000:1000::/home/ada:/.brume/bin/sh", "bob.x:x:1001:1001::/home/bob.x:/.brume/bin/sh",
                ]
            )
            #expect(read("etc/group")?.hasSuffix("ada:x:1000:\nbob.x:x:1001:\n") == true)
        }
    }

    @Test func `who may become root is in the groups for it, and who may not any more is not`() async throws {
        let files = [
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:100::/home/node:/bin/sh",
            "etc/group": "root:x:0:\nadm:x:4:syslog\nusers:x:100:\nvideo:x:44:\n", "etc/sudoers.d/README": "",
            "etc/skel/.profile": "# hello\n",
        ]
        let first = "ada:ssh-rsa A ada\nnode:ssh-rsa N node\nroot:ssh-rsa R root\neve.x:ssh-rsa E eve\n"
        try await withMachine(files, runs: first, first, "-ada:ssh-rsa A ada\nnode:ssh-rsa N node\n") { read in
            #expect(
                read("etc/group")?.split(separator: "\n") == [
                    "root:x:0:", "adm:x:4:syslog,node,eve.x", "users:x:100:", "video:x:44:node,eve.x", "ada:x:1001:",
                    "eve.x:x:1002:",
                ]
            )
            #expect(
                read("etc/passwd")?.split(separator: "\n").suffix(3) == [
                    "node:x:1000:100::/home/node:/bin/sh", "ada:x:1001:1001::/home/ada:/.brume/bin/sh",
                    "eve.x:x:1002:1002::/home/eve.x:/.brume/bin/sh",
                ]
            )
            #expect(read("etc/sudoers.d/brume-user-eve_x") == nil && read(".brume-run/keys/eve.x") == nil)
            #expect(read("etc/sudoers.d/brume-user-node") == "node ALL=(ALL:ALL) NOPASSWD:ALL\n")
            #expect(read("etc/sudoers.d/brume-user-ada") == nil && read("home/ada/.profile") == "# hello\n")
            let owner = try FileManager.default.attributesOfItem(atPath: root.path + "/home/node")
            #expect(owner[.ownerAccountID] as? Int == 1000 && owner[.groupOwnerAccountID] as? Int == 100)
            #expect(read(".brume-run/keys/root") == nil && read(".brume-run/instance") == nil)
        }
    }
}
