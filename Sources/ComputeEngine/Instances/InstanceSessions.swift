import Foundation
import GoogleAPI
import Guests
import ImageCatalogue
import Logging
import NIOCore
import Workloads

// What runs inside a machine for Brume: the ssh server, its users, and the scripts of the metadata.
extension InstanceLife {
    /// Starts the ssh server, applies the users' keys, and begins the startup script; after every start of the machine.
    ///
    /// - Parameter isServed: Whether the ssh server runs already.
    func letIn(_ instance: JSON, _ key: ResourceKey, isServed: Bool = false) async throws {
        let workload = Self.workload(of: instance)
        try await walls.raise(for: instance, key)
        try await attachDisks(of: instance, key)
        if !isServed { try await serve(workload) }
        try await applyUsers(instance, key)
        if let script = try await script("startup-script", of: instance, key) {
            sessions.keep(try await run(MachineScript.startup, script, in: workload))
        }
        try await runContainer(of: instance, in: workload)
    }

    /// Starts a machine's ssh server; returns once it listens.
    func serve(_ workload: WorkloadName) async throws {
        let server = try await engine.exec(GuestTools.startServer, in: workload, part: "machine")
        for await _ in sessions.keep(server, until: "listening on") {}
        try Task.checkCancellation()
    }

    /// Returns once a machine has started all that it starts by itself.
    func waitUntilSettled(_ workload: WorkloadName) async throws {
        let session = try await engine.exec(MachineScript.settled, in: workload, part: "machine")
        try await session.finishInput()
        for try await _ in session.output {}
    }

    /// Gives the machine its name and its users, as the instance and its metadata say, and publishes its host key.
    ///
    /// One after the other: each writes what holds when its turn has come.
    func applyUsers(_ instance: JSON, _ key: ResourceKey) async throws {
        let workload = Self.workload(of: instance)
        try await userTurns.take(workload) {
            guard let present = try await store.find(key), Self.workload(of: present) == workload else { return }
            try await writeUsers(present, key)
        }
    }

    private func writeUsers(_ instance: JSON, _ key: ResourceKey) async throws {
        let keys = try await keys(for: instance, key)
        let host = HostName(of: instance, zone: key.zone ?? "", project: key.project)
        let workload = Self.workload(of: instance)
        let session = try await engine.exec(
            try GuestTools.users(of: workload.text, name: host.name, domain: host.domain),
            in: workload,
            part: "machine"
        )
        try await session.write(ByteBuffer(string: LoginKeys(text: keys).forMachine + "\n"))
        try await session.finishInput()
        var printed = ""
        for try await chunk in session.output where chunk.stream == .output { printed += String(buffer: chunk.bytes) }
        let code = try await session.exitCode()
        if code != 0 {
            logger.warning("applying ssh keys ended with \(code)", metadata: ["instance": "\(key.resourceName)"])
        }
        let words = printed.split(whereSeparator: \.isWhitespace).map(String.init)
        if let type = words.firstIndex(where: { $0.hasPrefix("ssh-") }), type + 1 < words.count {
            let attribute = GuestAttribute(
                owner: workload.text,
                namespace: "hostkeys",
                key: words[type],
                value: words[type + 1]
            )
            try await guests.setAttribute(attribute)
        }
    }

    /// Who may log in: those of OS Login, or those whom the metadata names; never both.
    private func keys(for instance: JSON, _ key: ResourceKey) async throws -> String {
        if try await usesOSLogin(instance, key) { return try await logins.keys(for: key.resourceName) }
        let own = Metadata.value("ssh-keys", in: instance["metadata"]) ?? ""
        let blocksProject = Metadata.value("block-project-ssh-keys", in: instance["metadata"])?.lowercased() == "true"
        if blocksProject { return own }
        let metadata = try await projectMetadata.metadata(of: key.project)
        return own + "\n" + (Metadata.value("ssh-keys", in: metadata) ?? "")
    }

    /// What an instance's metadata says of OS Login, or else the project's.
    func usesOSLogin(_ instance: JSON, _ key: ResourceKey) async throws -> Bool {
        let own = Metadata.value("enable-oslogin", in: instance["metadata"])
        if let own { return own.lowercased() == "true" }
        let metadata = try await projectMetadata.metadata(of: key.project)
        return Metadata.value("enable-oslogin", in: metadata)?.lowercased() == "true"
    }

    /// A script of the metadata, the instance's own or else the project's; empty when it is named by an address only,
    /// which the machine reads; nil when there is none.
    private func script(_ name: String, of instance: JSON, _ key: ResourceKey) async throws -> String? {
        for metadata in [instance["metadata"], try await projectMetadata.metadata(of: key.project)] {
            if let script = Metadata.value(name, in: metadata), !script.isEmpty { return script }
            if let url = Metadata.value("\(name)-url", in: metadata), !url.isEmpty { return "" }
        }
        return nil
    }

    /// Runs the script of a machine that is to end; it may take as long as the machine has left.
    func runShutdownScript(of instance: JSON, _ key: ResourceKey, limit: Duration) async {
        do {
            guard let script = try await script("shutdown-script", of: instance, key) else { return }
            let session = try await run(MachineScript.shutdown, script, in: Self.workload(of: instance))
            _ = await finishes(within: limit) { do { for try await _ in session.output {} } catch {} }
        } catch {
            logger.warning("the shutdown script did not run: \(error)", metadata: ["instance": instance.label])
        }
    }

    /// Begins what a declared container does, as its image or its declaration says.
    private func runContainer(of instance: JSON, in workload: WorkloadName) async throws {
        guard let declaration = try ContainerDeclaration.read(from: instance) else { return }
        let reference = ImageReference(declaration.container.image)
        let kept = catalogue.entry(for: reference).map(catalogue.keptReference)
        let image = try await engine.image(kept ?? reference)
        guard
            let program = declaration.program(
                imageEntrypoint: image?.entrypoint ?? [],
                imageCommand: image?.command ?? []
            )
        else { return }
        let script = MachineScript.container(restartPolicy: declaration.restartPolicy, program: program)
        sessions.keep(try await engine.exec(script, in: workload, part: "machine"))
    }

    private func run(_ kind: ExecSpec, _ script: String, in workload: WorkloadName) async throws -> any ExecSession {
        let session = try await engine.exec(kind, in: workload, part: "machine")
        let text = script.hasPrefix("#!") ? script : "#!/.brume/bin/sh\n" + script
        try await session.write(ByteBuffer(string: text))
        try await session.finishInput()
        return session
    }
}

extension JSON {
    fileprivate var label: Logger.MetadataValue { "\(self["selfLink"]?.string ?? "")" }
}
