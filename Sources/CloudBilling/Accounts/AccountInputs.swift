import APIServer
import GoogleAPI

struct AccountInput: MethodInput {
    let resource = ResourceName([])

    init(from call: Call) async throws {
        let id = try call.parameter("account")
        guard id == BillingAccount.id else { throw GoogleError.accountMissing(id) }
    }
}

struct ProjectBillingInput: MethodInput {
    var resource: ResourceName

    init(from call: Call) async throws { resource = .project(try call.parameter("project")) }
}

struct ProjectBillingUpdate: MethodInput {
    var resource: ResourceName
    /// False: the account is to be taken away, which Google writes as an empty name.
    var isLinked: Bool

    init(from call: Call) async throws {
        resource = .project(try call.parameter("project"))
        let body: JSON = try await call.body()
        switch body["billingAccountName"]?.string ?? "" {
        case "": isLinked = false
        case BillingAccount.name: isLinked = true
        case let name: throw GoogleError.accountMissing(String(name.split(separator: "/").last ?? ""))
        }
    }
}
