/// The order of steps, as a value: what is to be done next, given how far each step has come.
package struct StepPlan: Equatable, Sendable {
    package var start: [String] = []
    package var skip: [String] = []
    package var stop: [String] = []

    /// - Parameter states: By step; a missing one is waiting.
    package init(_ steps: [StepsSpec.Step], states: [String: WorkloadStatus.State]) {
        let hasFailed = steps.contains { step in
            if case .ended(let exit) = states[step.name] { !step.accepts(exit) } else { false }
        }
        for step in steps {
            switch states[step.name] ?? .waiting {
            case .waiting where hasFailed: skip.append(step.name)
            case .waiting where step.after.allSatisfy({ states[$0].isEnd }): start.append(step.name)
            case .running where hasFailed: stop.append(step.name)
            case .waiting, .running, .ended, .skipped, .unknown: break
            }
        }
    }
}

extension StepsSpec.Step {
    /// Whether later steps may go on after such an end.
    package func accepts(_ exit: Exit) -> Bool {
        if exit.reason == .outOfDisk { return false }
        if allowsFailure { return true }
        return exit.reason == .exited && (exit.code == 0 || allowedExitCodes.contains(exit.code))
    }
}

extension StepsSpec {
    /// Refuses steps that could never start.
    ///
    /// - Throws: ``EngineError/refused(_:)`` for a name that is used twice, and for a step that waits for one that does
    ///   not come before it.
    package func validate() throws {
        var seen: Set<String> = []
        for step in steps {
            if let stranger = step.after.first(where: { !seen.contains($0) }) {
                throw EngineError.refused("Step '\(step.name)' waits for '\(stranger)', which is no earlier step.")
            }
            guard seen.insert(step.name).inserted else {
                throw EngineError.refused("Two steps have the name '\(step.name)'.")
            }
        }
    }
}

extension WorkloadStatus.State? {
    fileprivate var isEnd: Bool { if case .some(.ended) = self { true } else { false } }
}
