import GoogleAPI

/// How an instance is treated by who runs it: the field `scheduling`.
///
/// See [Scheduling](https://docs.cloud.google.com/compute/docs/reference/rest/v1/instances).
enum Scheduling {
    /// Whether an instance is Spot, or preemptible, as those were called before: it may be ended at any time.
    static func isSpot(_ instance: JSON) -> Bool { instance["scheduling"]?["preemptible"]?.bool ?? false }

    /// Completes what is asked for, over what an instance has.
    ///
    /// `provisioningModel` and `preemptible` say the same and move together. An instance that becomes Spot, or ceases to
    /// be, has the defaults of what it becomes unless they are asked for otherwise.
    ///
    /// - Parameter current: What the instance has; nil for a new one.
    /// - Throws: ``GoogleError`` `invalid` (400) for what contradicts itself, 501 for a model that Brume lacks.
    static func completed(_ asked: JSON, over current: JSON? = nil) throws -> JSON {
        let wasSpot = current.map { $0["preemptible"]?.bool ?? false }
        let isSpot = try isSpot(asked: asked) ?? wasSpot ?? false
        var scheduling = current ?? [:]
        if let wasSpot, wasSpot != isSpot {
            scheduling["automaticRestart"] = .none
            scheduling["onHostMaintenance"] = .none
        }
        try LackingFields.ofScheduling.check(asked, under: "scheduling.")
        scheduling.merge(asked)
        if scheduling["onHostMaintenance"] == "" { scheduling["onHostMaintenance"] = .none }
        if !isSpot, wasSpot ?? false, scheduling["maxRunDuration"] == nil, scheduling["terminationTime"] == nil {
            scheduling["instanceTerminationAction"] = asked["instanceTerminationAction"]
        }
        scheduling["preemptible"] = .bool(isSpot)
        scheduling["provisioningModel"] = isSpot ? "SPOT" : "STANDARD"
        scheduling["automaticRestart"] = scheduling["automaticRestart"] ?? .bool(!isSpot)
        scheduling["onHostMaintenance"] = scheduling["onHostMaintenance"] ?? (isSpot ? "TERMINATE" : "MIGRATE")
        try check(scheduling, isSpot: isSpot)
        return scheduling
    }

    /// - Returns: nil when nothing is asked for.
    private static func isSpot(asked: JSON) throws -> Bool? {
        let preemptible = asked["preemptible"]?.bool
        guard let model = asked["provisioningModel"]?.string, !model.isEmpty else { return preemptible }
        guard ["STANDARD", "SPOT"].contains(model) else {
            if ["FLEX_START", "RESERVATION_BOUND"].contains(model) {
                throw GoogleError.lackingField("scheduling.provisioningModel", value: model)
            }
            throw GoogleError.invalidField(
                "resource.scheduling.provisioningModel",
                model,
                "It must be STANDARD or SPOT."
            )
        }
        guard model == "SPOT" || preemptible != true else {
            throw GoogleError.invalidField(
                "resource.scheduling.provisioningModel",
                model,
                "A preemptible instance cannot have the provisioning model STANDARD."
            )
        }
        return model == "SPOT"
    }

    private static func check(_ scheduling: JSON, isSpot: Bool) throws {
        let policy = scheduling["onHostMaintenance"]?.string ?? ""
        guard ["MIGRATE", "TERMINATE"].contains(policy) else {
            throw GoogleError.invalidField(
                "resource.scheduling.onHostMaintenance",
                policy,
                "It must be MIGRATE or TERMINATE."
            )
        }
        let action = scheduling["instanceTerminationAction"]?.string ?? ""
        guard ["", "STOP", "DELETE", "INSTANCE_TERMINATION_ACTION_UNSPECIFIED"].contains(action) else {
            throw GoogleError.invalidField(
                "resource.scheduling.instanceTerminationAction",
                action,
                "It must be STOP or DELETE."
            )
        }
        guard isSpot else { return }
        if scheduling["automaticRestart"]?.bool ?? false {
            throw GoogleError.invalidField(
                "resource.scheduling.preemptible",
                "true",
                "Scheduling must have preemptible be false when AutomaticRestart is true."
            )
        }
        if policy == "MIGRATE" {
            throw GoogleError.invalidField(
                "resource.scheduling.preemptible",
                "true",
                "Scheduling must have preemptible be false when OnHostMaintenance isn't TERMINATE."
            )
        }
    }
}
