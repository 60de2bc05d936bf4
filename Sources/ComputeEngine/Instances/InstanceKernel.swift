import GoogleAPI

// Whether a machine has a kernel of its own.
extension InstanceLife {
    /// Chooses what an instance runs on: `qemu`, a kernel of its own, or `docker`, the computer's. It counts when the
    /// machine is made.
    static let engineLabel = "brume-engine"

    /// - Throws: ``GoogleError`` `invalid` (400) for another value of the label, and for accelerators.
    func isVirtualMachine(_ instance: JSON) throws -> Bool {
        let field = "resource.labels['\(Self.engineLabel)']"
        switch instance["labels"]?[Self.engineLabel]?.string {
        case nil: return prefersVirtualMachines && GuestAccelerators.wanted(by: instance) == nil
        case "docker": return false
        case "qemu":
            guard simulatesAccelerators || GuestAccelerators.wanted(by: instance) == nil else {
                throw GoogleError.invalidField(field, "qemu", "A machine with accelerators runs on 'docker'.")
            }
            return true
        case .some(let other):
            throw GoogleError.invalidField(field, other, "An instance runs on 'docker' or on 'qemu'.")
        }
    }
}
