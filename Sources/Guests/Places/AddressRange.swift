/// A range of IPv4 addresses: `10.128.0.0/20`.
struct AddressRange: Sendable, Equatable {
    var first: UInt32
    var prefix: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let prefix = Int(parts[1]), (0...32).contains(prefix),
            let address = IPv4.number(String(parts[0]))
        else { return nil }
        self.prefix = prefix
        first = prefix == 0 ? 0 : address & (~UInt32(0) << UInt32(32 - prefix))
    }

    var last: UInt32 { first | (prefix == 0 ? ~0 : ~(~UInt32(0) << UInt32(32 - prefix))) }

    func contains(_ address: UInt32) -> Bool { (first...last).contains(address) }

    /// What guests may have: not the network's own address, nor its gateway (the first), nor the last two, which
    /// [Google keeps too](https://docs.cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet).
    var usable: ClosedRange<UInt32>? {
        guard last - first >= 4 else { return nil }
        return (first + 2)...(last - 2)
    }
}

/// IPv4 addresses as numbers and text.
enum IPv4 {
    static func number(_ text: String) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            guard let octet = UInt8(part) else { return nil }
            number = number << 8 | UInt32(octet)
        }
        return number
    }

    static func text(_ number: UInt32) -> String {
        [24, 16, 8, 0].map { String(number >> UInt32($0) & 255) }.joined(separator: ".")
    }
}
