import GoogleAPI

/// The rules for [object names](https://docs.cloud.google.com/storage/docs/objects#naming).
enum ObjectName {
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func check(_ name: String) throws {
        guard !name.isEmpty else { throw GoogleError.invalidObjectName("it is empty.") }
        guard name.utf8.count <= 1024 else {
            throw GoogleError.invalidObjectName("it has \(name.utf8.count) bytes in UTF-8, and 1024 are allowed.")
        }
        guard name != ".", name != ".." else { throw GoogleError.invalidObjectName("'.' and '..' are not allowed.") }
        guard !name.utf8.contains(where: { $0 == 13 || $0 == 10 || $0 == 0 }) else {
            throw GoogleError.invalidObjectName("line ends and NUL are not allowed in it.")
        }
    }

    private static let plain: [Bool] = {
        let bytes = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
        return (0...UInt8.max).map(bytes.contains)
    }()
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Percent-encodes a name as one segment of a path.
    static func segment(_ name: String) -> String {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(name.utf8.count)
        for byte in name.utf8 {
            if plain[Int(byte)] {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
