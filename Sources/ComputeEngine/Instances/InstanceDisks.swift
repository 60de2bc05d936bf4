import APIServer
import Foundation
import GRDB
import GoogleAPI
import Operations
import Workloads

// Disks that come to an instance, and leave it, while it is there.
extension InstanceMethods {
    /// Gives an instance a further disk; a running machine finds it at once.
    func attachDisk(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let instance = try await rows.key(input)
        guard let source = input.body["source"]?.string, !source.isEmpty else {
            throw GoogleError.fieldMissing("resource.source")
        }
        try LackingFields.ofAttachedDisks.check(input.body)
        try await life.checkVolumeAccess()
        let disk = try AttachedDisks.existing(source, instance, field: "resource")
        let isReadOnly = input.body["mode"]?.string == "READ_ONLY"
        return try await rows.changes.change(
            "compute.instances.attachDisk",
            instance,
            by: caller,
            input: ["disk": .string(disk.name)]
        ) { db in
            let row = try ResourceStore.update(disk, in: db) {
                guard $0.licenses.isEmpty else { throw GoogleError.bootDiskAsAnother(disk.resourceName) }
                try Disk.use(&$0, at: disk, by: instance, isReadOnly: isReadOnly)
            }
            return try ResourceStore.update(instance, in: db) { instance in
                var disks = instance["disks"]?.array ?? []
                let index = (disks.compactMap { $0["index"]?.integer }.max() ?? -1) + 1
                let attachment = AttachedDisks.attachment(input.body, row, disk, index: Int(index), isBoot: false)
                let name = attachment["deviceName"]?.string ?? ""
                guard !disks.contains(where: { $0["deviceName"]?.string == name }) else {
                    throw GoogleError.invalidField("resource.deviceName", name, "Device names must be unique.")
                }
                disks.append(attachment)
                instance["disks"] = .array(disks)
            }
        }
    }

    /// Takes a disk from an instance; what a running machine has of it open stays so until it is closed.
    func detachDisk(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let device = input.query["deviceName"] ?? ""
        let key = try await rows.key(input)
        try await life.checkVolumeAccess()
        let folder = try InstanceLife.place(ofDevice: device, in: try await rows.store.get(key)).folder
        return try await rows.changes.change(
            "compute.instances.detachDisk",
            key,
            by: caller,
            input: ["folder": .string(folder)]
        ) { db in
            try ResourceStore.update(key, in: db) { instance in
                var disks = instance["disks"]?.array ?? []
                guard let index = disks.firstIndex(where: { $0["deviceName"]?.string == device }) else {
                    throw GoogleError.invalidField("deviceName", device, "No attached disk has this device name.")
                }
                let taken = disks.remove(at: index)
                if taken["boot"]?.bool ?? false { throw GoogleError.bootDiskStays }
                guard let source = taken["source"]?.string else {
                    throw GoogleError.invalidField("deviceName", device, "A local SSD stays with its instance.")
                }
                let disk = Disk.key(of: source, like: key)
                _ = try ResourceStore.update(disk, in: db) { Disk.release(&$0, by: key) }
                instance["disks"] = .array(disks)
            }
        }
    }
}

extension InstanceLife {
    /// - Throws: ``GoogleError`` `notImplemented` (501) where the engine keeps volumes to itself.
    func checkVolumeAccess() async throws {
        do {
            guard try await engine.capabilities().volumeAccess else { throw GoogleError.volumesOutOfReach }
        } catch let error as EngineError {
            throw error.asGoogleError
        }
    }

    /// Lets a running machine find its disks; those it has already stay as they are.
    func attachDisks(of instance: JSON, _ key: ResourceKey) async throws {
        let disks = (instance["disks"]?.array ?? []).filter { !($0["boot"]?.bool ?? false) }
        guard !disks.isEmpty, try await engine.capabilities().volumeAccess else { return }
        for disk in disks {
            let mount = try await mount(disk, of: instance, key)
            try await engine.attach(mount, to: Self.workload(of: instance))
        }
    }

    /// A disk that is not the machine's root, with its volume made.
    func mount(_ attached: JSON, of instance: JSON, _ key: ResourceKey) async throws -> Mount {
        let (folder, isReadOnly) = try Self.place(ofDevice: attached["deviceName"]?.string ?? "", in: instance)
        guard let source = attached["source"]?.string else {
            let volume = LocalDisk.volume(attached, of: instance)
            try await engine.ensureVolume(volume, labels: DiskContents.labels)
            return Mount(.volume(volume), at: folder, isReadOnly: false)
        }
        let disk = try await store.get(Disk.key(of: source, like: key))
        try await contents.fill(disk)
        return Mount(
            .volume(DiskContents.volume(of: disk)),
            at: folder,
            isReadOnly: attached["mode"]?.string == "READ_ONLY" || isReadOnly
        )
    }

    /// Where a machine finds a disk: where its container declares it, or else in the folder of all disks.
    static func place(ofDevice name: String, in instance: JSON) throws -> (folder: String, isReadOnly: Bool) {
        let declared = try ContainerDeclaration.read(from: instance)?.mount(ofDevice: name)
        return (declared?.mountPath ?? Disk.folder(deviceName: name), declared?.readOnly ?? false)
    }

    /// Lets a machine find a new disk; one that cannot be given is free again.
    func attach(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        let instance = try await store.get(key)
        do {
            if instance["status"]?.string == "RUNNING" { try await attachDisks(of: instance, key) }
        } catch {
            if error is CancellationError || Task.isCancelled { throw error }
            try await release(operation.input["disk"]?.string ?? "", from: key)
            throw error
        }
        try await show(instance, key)
    }

    private func release(_ name: String, from instance: ResourceKey) async throws {
        let disk = Disk.key(of: name, like: instance)
        try await store.database.write { db in
            _ = try ResourceStore.update(disk, in: db) { Disk.release(&$0, by: instance) }
            _ = try ResourceStore.update(instance, in: db) { instance in
                let left = (instance["disks"]?.array ?? []).filter { $0["source"]?.string != disk.link }
                instance["disks"] = .array(left)
            }
        }
    }

    func detach(_ key: ResourceKey, _ operation: Operations.Operation) async throws {
        let instance = try await store.get(key)
        try await show(instance, key)
        guard instance["status"]?.string == "RUNNING", let folder = operation.input["folder"]?.string else { return }
        try await engine.detach(folder, from: Self.workload(of: instance))
    }
}
