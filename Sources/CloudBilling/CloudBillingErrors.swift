import GoogleAPI

extension GoogleError {
    static func accountMissing(_ id: String) -> GoogleError {
        .notFound(
            "The billing account 'billingAccounts/\(id)' was not found: the one that there is is '\(BillingAccount.name)'."
        )
    }

    static func serviceMissing(_ id: String) -> GoogleError {
        .notFound("The service 'services/\(id)' was not found: see services.list for those that have known prices.")
    }

    static func badBillingPage(_ token: String) -> GoogleError {
        .invalid("The page token '\(token)' is none of this list: begin again without one.")
    }

    static func unknownCurrency(_ code: String) -> GoogleError {
        .invalid("The currency '\(code)' is not known here: prices are in USD.")
    }

    static func badScenario(_ field: String, _ why: String) -> GoogleError {
        .invalid("Invalid value for field 'costScenario.\(field)'. \(why)")
    }

    /// Something of a scenario that Brume has no estimate of.
    ///
    /// - Parameter why: What is missing for it; nil: there is no code for it.
    static func notEstimated(_ field: String, _ why: String? = nil) -> GoogleError {
        GoogleError(
            .unimplemented,
            reason: "notImplemented",
            message: "Brume does not estimate 'costScenario.\(field)'\(why.map { ": \($0)" } ?? "")."
        )
    }
}
