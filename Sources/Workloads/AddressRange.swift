/// A range of IPv4 addresses: `10.128.0.0/20`.
package struct AddressRange: Sendable, Equatable {
    /// The range's lowest address.
    package let first: UInt32
    /// How many leading bits all addresses share: 0 to 32.
    package let length: Int

    /// The range of a length that an address lies in.
    package init(around address: UInt32, length: Int) {
        self.length = length
        first = address & Self.mask(length)
    }

    /// Reads `10.128.0.0/20`; bits of the address beyond the length are dropped.
    package init?(_ text: String) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, let length = Int(halves[1]), (0...32).contains(length),
            let address = IPv4.number(halves[0])
        else { return nil }
        self.init(around: address, length: length)
    }

    /// Reads a range as Google's APIs take it: a lone address is a range of one, and no bit may stand beyond the length.
    package init?(exactly text: String) {
        guard let range = AddressRange(text.contains("/") ? text : text + "/32"),
            IPv4.number(text.prefix { $0 != "/" }) == range.first
        else { return nil }
        self = range
    }

    private static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length) }

    package var last: UInt32 { first | ~Self.mask(length) }
    /// `255.255.240.0`.
    package var mask: String { IPv4.text(Self.mask(length)) }
    /// The first address that a machine can have; networks give it to their gateway.
    package var gateway: String { IPv4.text(first + 1) }

    /// What guests may have: not the network's own address, nor its gateway, nor the last two, which
    /// [Google keeps too](https://docs.cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet).
    package var usable: ClosedRange<UInt32>? { last - first >= 4 ? (first + 2)...(last - 2) : nil }

    package func contains(_ address: UInt32) -> Bool { (first...last).contains(address) }
    package func contains(_ other: AddressRange) -> Bool { length <= other.length && contains(other.first) }
    package func overlaps(_ other: AddressRange) -> Bool { first <= other.last && other.first <= last }
}

extension AddressRange: CustomStringConvertible {
    package var description: String { "\(IPv4.text(first))/\(length)" }
}

/// IPv4 addresses as numbers and text.
package enum IPv4 {
    package static func number(_ text: some StringProtocol) -> UInt32? {
        let octets = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard octets.count == 4, !octets.contains(nil) else { return nil }
        return octets.reduce(0) { $0 << 8 | UInt32($1 ?? 0) }
    }

    package static func text(_ number: UInt32) -> String {
        [24, 16, 8, 0].map { String(number >> UInt32($0) & 255) }.joined(separator: ".")
    }
}

/// Compute Engine's rule for the hardware addresses of machines: `42:01` and the four numbers of the address.
package enum HardwareAddress {
    package static func text(_ address: UInt32) -> String {
        let octets = [24, 16, 8, 0].map { UInt8(address >> UInt32($0) & 255) }
        return (["42", "01"] + octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }).joined(separator: ":")
    }
}
