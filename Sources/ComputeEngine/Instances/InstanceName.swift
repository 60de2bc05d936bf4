import APIServer
import GoogleAPI
import GRDB
import Operations

// How an instance gets another name.
extension InstanceMethods {
    /// Renames an instance that is off; its disks keep their names and know it by the new one. Its machine is given the name
    /// at its next start.
    ///
    /// See [renaming](https://docs.cloud.google.com/compute/docs/instances/rename-instance).
    ///
    /// - Throws: ``GoogleError`` 400 for a running one, a group's own, and an outdated `currentName`; 409 for a taken name.
    func setName(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let old = try await rows.key(input)
        let name = input.body["name"]?.string ?? ""
        try ResourceNames.check(name)
        var new = old
        new.name = name
        let current = input.body["currentName"]?.string ?? old.name
        guard current == old.name else {
            throw GoogleError.invalidField("currentName", current, "The instance is named '\(old.name)'.")
        }
        let renamed = new
        return try await rows.changes.change("compute.instances.setName", renamed, by: caller, earlier: old) { db, _ in
            guard var instance = try ResourceStore.fetch(old, in: db) else {
                throw GoogleError.resourceMissing(old.resourceName)
            }
            let status = instance["status"]?.string ?? ""
            guard status == "TERMINATED" else {
                throw GoogleError.notReady(old.resourceName, status: status, needs: "TERMINATED")
            }
            if let group = Metadata.value(InstanceGroup.creator, in: instance["metadata"]) {
                throw GoogleError.groupMemberStays(old.resourceName, of: group)
            }
            guard renamed != old else { return instance }
            for disk in Disk.keys(of: instance, at: old) {
                _ = try ResourceStore.update(disk, in: db) { Disk.rename(&$0, user: old, to: renamed) }
            }
            instance["name"] = .string(name)
            instance["selfLink"] = .string(renamed.link)
            instance["fingerprint"] = .string(Token.fingerprint())
            try ResourceStore.rename(old, to: renamed, as: instance, in: db)
            return instance
        }
    }
}
