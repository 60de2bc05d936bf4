import BrumeTesting
import GoogleAPI
import Testing

@Suite("compute.routes", .timeLimit(.minutes(1)))
struct RouteTests {
    private static let path = ComputeCloud.project + "/global/routes"

    @Test func `a network has a route to the internet and one to each subnetwork, under lasting names`() async throws {
        try await ComputeCloud.run { cloud in
            let first = try await cloud.api.get(Self.path).json["items"]?.array ?? []
            let ranges = first.compactMap { $0["destRange"]?.string }
            #expect(ranges.count == 19 && ranges.contains("0.0.0.0/0") && ranges.contains("10.132.0.0/20"))
            #expect(Set(first.compactMap { $0["name"]?.string }).count == 19)
            let again = try await cloud.api.get(Self.path).json["items"]?.array ?? []
            #expect(again == first)
            let name = try #require(first[0]["name"]?.string)
            let one = try await cloud.api.get("\(Self.path)/\(name)").json
            #expect(one == first[0])
            #expect(try await cloud.api.get("\(Self.path)/none").status == 404)
        }
    }
}
