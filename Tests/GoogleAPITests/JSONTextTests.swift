import Foundation
import GoogleAPI
import Testing

@Suite("JSON text")
struct JSONTextTests {
    @Test(arguments: [
        #"{"b":[1,-2,true,false,null],"a":{"x":"ü€😀","y":""}}"#, "[]", "{}", "\"plain\"", "0", "-7", " [ 1 , 2 ] ",
        #"["\u00e9\n\"\\\/","\ud83d\ude00"]"#, "[1.5,1e3,123456789012345678901,9223372036854775807,1.0]",
        #"{"a":{"a":{"a":[[[[]]]]}}}"#,
    ])
    func `what is read and written is what Foundation reads and writes`(text: String) throws {
        let data = Data(text.utf8)
        let expected = try JSONCoding.decoder.decode(JSON.self, from: data)
        #expect(try JSON(parsing: data) == expected)
        #expect(try expected.data() == JSONCoding.encoder.encode(expected))
    }

    @Test func `control characters are escaped as Foundation escapes them`() throws {
        let text = JSON.string(String(decoding: (0..<128).map { UInt8($0) }, as: UTF8.self))
        let (ours, theirs) = (try text.data(), try JSONCoding.encoder.encode(text))
        #expect(try JSON(parsing: ours) == JSON(parsing: theirs))
        #expect(
            String(decoding: ours, as: UTF8.self).lowercased() == String(decoding: theirs, as: UTF8.self).lowercased()
        )
    }

    @Test(arguments: ["", "[", "{\"a\"}", "nul", "01", "\"\u{1}\"", "[1] 2", "+1", "--1"])
    func `what is no JSON is an error`(text: String) {
        #expect(throws: (any Error).self) { try JSON(parsing: Data(text.utf8)) }
    }

    @Test(
        "what is no JSON is told with its place",
        arguments: [
            ("{\"a\":\n  [1,}", "line 2, column 6"), ("", "line 1, column 1"), ("{\"a\" 1}", "line 1, column 6"),
            ("[1]\n]", "byte 4"),
        ]
    )
    func place(text: String, told: String) {
        #expect {
            try JSON(parsing: Data(text.utf8))
        } throws: { error in
            guard case DecodingError.dataCorrupted(let context)? = error as? DecodingError else { return false }
            return context.debugDescription.contains(told)
        }
    }

    @Test func `a document that nests without end is an error, not a crash`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: (any Error).self) { try JSON(parsing: Data(deep.utf8)) }
    }

    @Test(arguments: [
        0, 1, -1, 951_782_399.999, 951_782_400, 1_709_210_096.5, 4_107_542_400, -2_208_988_800, 253_402_300_799,
        1_795_441_508.431,
    ])
    func `times are written as Foundation writes them`(seconds: TimeInterval) {
        let date = Date(timeIntervalSince1970: seconds)
        let expected = date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        #expect(Timestamp.text(date).dropLast(5) == expected.dropLast(5))
        #expect(Timestamp.text(date).suffix(1) == "Z" && Timestamp.text(date).count == expected.count)
    }
}
