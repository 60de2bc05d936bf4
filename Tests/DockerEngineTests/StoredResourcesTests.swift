import Foundation
import Testing
import Workloads

@Suite("resources that are written down")
struct StoredResourcesTests {
    /// Builds that run while the daemon is replaced by a newer one are read from what the older one wrote.
    @Test func `what an earlier version wrote is read, and the same is written`() throws {
        let text = #"{"memoryBytes":1073741824,"milliCPUs":500}"#
        let resources = try JSONDecoder().decode(Resources.self, from: Data(text.utf8))
        #expect(resources == Resources(milliCPUs: 500, memoryBytes: 1 << 30))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(resources.with(.bursting)), as: UTF8.self) == text)
    }
}
