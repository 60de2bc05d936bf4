import Testing
import Workloads

@Suite("ranges of addresses")
struct AddressRangeTests {
    @Test(arguments: ["10.0.0.0/33", "10.0.0/8", "10.0.0.0", "10.0.0.256/8", "10..0.0/8", "", "/8", "10.0.0.0/8/8"])
    func `what is no range is none`(text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test func `bits beyond the length are dropped, or refused where a range must be exact`() throws {
        let range = try #require(AddressRange("10.128.3.7/20"))
        #expect("\(range)" == "10.128.0.0/20" && range.gateway == "10.128.0.1")
        #expect(AddressRange(exactly: "10.128.3.7/20") == nil)
        #expect(AddressRange(exactly: "10.128.0.0/20") == range)
        #expect(AddressRange(exactly: "8.8.8.8").map { "\($0)" } == "8.8.8.8/32")
    }

    @Test(
        "ranges hold and touch each other",
        arguments: [
            ("0.0.0.0/0", "10.0.0.0/8", true, true), ("10.0.0.0/8", "10.1.0.0/16", true, true),
            ("10.1.0.0/16", "10.0.0.0/8", false, true), ("10.0.0.0/24", "10.0.1.0/24", false, false),
            ("255.255.255.255/32", "0.0.0.0/0", false, true),
        ]
    )
    func relations(one: String, other: String, contains: Bool, overlaps: Bool) throws {
        let (one, other) = (try #require(AddressRange(one)), try #require(AddressRange(other)))
        #expect(one.contains(other) == contains && one.overlaps(other) == overlaps && other.overlaps(one) == overlaps)
    }

    @Test func `guests get neither the gateway nor the last two addresses`() throws {
        let usable = try #require(AddressRange("10.0.0.0/29")?.usable)
        #expect(IPv4.text(usable.lowerBound) == "10.0.0.2" && IPv4.text(usable.upperBound) == "10.0.0.5")
        #expect(AddressRange("10.0.0.0/30")?.usable == nil)
    }
}
