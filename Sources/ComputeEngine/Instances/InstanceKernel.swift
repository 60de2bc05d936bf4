import GoogleAPI
import ImageCatalogue

// Whether a machine has a kernel of its own.
extension InstanceLife {
    /// Chooses what an instance runs on: `qemu`, a kernel of its own, or `docker`, the computer's. It counts when the
    /// machine is made.
    static let engineLabel = "brume-engine"

    /// What an instance says itself; nil when it leaves the choice.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) for another value of the label, and for accelerators.
    func asksForOwnKernel(_ instance: JSON) throws -> Bool? {
        let field = "resource.labels['\(Self.engineLabel)']"
        switch instance["labels"]?[Self.engineLabel]?.string {
        case nil: return nil
        case "docker": return false
        case "qemu":
            guard canHaveOwnKernel(instance) else {
                throw GoogleError.invalidField(field, "qemu", "A machine with accelerators runs on 'docker'.")
            }
            return true
        case .some(let other):
            throw GoogleError.invalidField(field, other, "An instance runs on 'docker' or on 'qemu'.")
        }
    }

    /// What it says itself, or else what suits its image, or else what all have.
    func isVirtualMachine(_ instance: JSON, of image: CatalogueEntry?) throws -> Bool {
        if let asked = try asksForOwnKernel(instance) { return asked }
        return canHaveOwnKernel(instance) && (prefersVirtualMachines || image?.wantsOwnKernel ?? false)
    }

    private func canHaveOwnKernel(_ instance: JSON) -> Bool {
        simulatesAccelerators || GuestAccelerators.wanted(by: instance) == nil
    }
}
