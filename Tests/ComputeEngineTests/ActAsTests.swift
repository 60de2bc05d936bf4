import BrumeTesting
import GoogleAPI
import Testing

@Suite("iam.serviceAccounts.actAs on instances")
struct InstanceActAsTests {
    @Test(arguments: ["boss@demo.iam.gserviceaccount.com", "default"])
    func `an instance runs as an account only for callers who may act as it`(email: String) async throws {
        try await ComputeCloud.run(authorizer: NobodyActs()) { cloud in
            let body = try ComputeCloud.body("vm") { $0["serviceAccounts"] = [["email": .string(email)]] }
            let reply = try await cloud.api.post(ComputeCloud.instances, json: body)
            #expect(reply.status == 403 && reply.message?.contains("actAs") == true, "\(reply.text)")
            #expect(try await cloud.api.get("\(ComputeCloud.instances)/vm").status == 404)
        }
    }

    @Test func `an instance's account is changed only by callers who may act as the new one`() async throws {
        try await ComputeCloud.run(authorizer: NobodyActs()) { cloud in
            try await cloud.insert("vm") { $0["serviceAccounts"] = [] }
            try await cloud.perform("stop", "vm")
            let reply = try await cloud.api.post(
                "\(ComputeCloud.instances)/vm/setServiceAccount",
                json: #"{"email": "boss@demo.iam.gserviceaccount.com"}"#
            )
            #expect(reply.status == 403, "\(reply.text)")
            #expect(try await cloud.get("vm")["serviceAccounts"]?[0] == nil)
        }
    }
}
