import BrumeTesting
import GoogleAPI
import Testing

@Suite("iam.serviceAccounts.actAs on custom jobs")
struct JobActAsTests {
    @Test func `a job runs as an account only for callers who may act as it`() async throws {
        try await TrainingCloud.run(authorizer: NobodyActs()) { cloud in
            let named = TrainingCloud.spec.dropLast() + #","serviceAccount":"boss@demo.iam.gserviceaccount.com"}"#
            let reply = try await cloud.api.post(
                TrainingCloud.path,
                json: #"{"displayName":"t","jobSpec":\#(named)}"#
            )
            #expect(reply.status == 403 && reply.message?.contains("actAs") == true, "\(reply.text)")
            #expect(try await cloud.api.get(TrainingCloud.path).json["customJobs"] == nil)
        }
    }
}
