import Foundation
import GoogleAPI
import Testing

@Suite("field masks")
struct FieldMaskTests {
    static let document: JSON = [
        "kind": "storage#objects", "nextPageToken": "t",
        "items": [
            ["name": "a", "size": "1", "metadata": ["mtime": "5", "other": "x"]],
            ["name": "b", "size": "2"],
        ],
    ]

    @Test(arguments: [
        ("kind", #"{"kind":"storage#objects"}"#),
        ("items/name", #"{"items":[{"name":"a"},{"name":"b"}]}"#),
        (
            "items(name,size),nextPageToken",
            #"{"items":[{"name":"a","size":"1"},{"name":"b","size":"2"}],"nextPageToken":"t"}"#
        ),
        ("items/metadata/mtime", #"{"items":[{"metadata":{"mtime":"5"}},{}]}"#),
        (
            "items/*",
            #"{"items":[{"metadata":{"mtime":"5","other":"x"},"name":"a","size":"1"},{"name":"b","size":"2"}]}"#
        ),
        ("nothing", "{}"),
    ])
    func `a mask keeps what it names`(mask: String, expected: String) throws {
        let kept = try FieldMask(parsing: mask).apply(to: Self.document)
        let text = String(decoding: try kept.data(), as: UTF8.self)
        #expect(text == expected)
    }

    @Test(arguments: ["items(name", "items)", "a,b(c"])
    func `parentheses that do not match are refused`(mask: String) {
        #expect(throws: GoogleError.self) { try FieldMask(parsing: mask) }
    }

    @Test(
        arguments: [
            ("items/name,nextPageToken", ["name"]), ("items(name,size)", ["name", "size"]), ("items", nil),
            ("items/*", nil),
            ("kind", []), ("*", nil), ("*/name", ["name"]),
        ] as [(String, Set<String>?)]
    )
    func `what a mask keeps of a list's items is known beforehand`(mask: String, members: Set<String>?) throws {
        #expect(try FieldMask(parsing: mask).members(at: "items") == members)
    }
}

@Suite("JSON documents")
struct JSONTests {
    @Test func `a patch replaces, removes on null and merges objects`() throws {
        var document: JSON = ["a": 1, "labels": ["x": "1", "y": "2"], "gone": true]
        document.merge(["a": 2, "labels": ["y": nil, "z": "3"], "gone": nil])
        #expect(document == ["a": 2, "labels": ["x": "1", "z": "3"]])
    }

    @Test func `unknown fields come back as they were`() throws {
        let text = #"{"a":[1,2.5,"x",null,true],"n":9007199254740993}"#
        let again = try JSON(parsing: Data(text.utf8)).data()
        #expect(String(decoding: again, as: UTF8.self) == text)
    }

    @Test func `whole numbers are read from text, numbers and floats`() {
        #expect(JSON.string("42").integer == 42)
        #expect(JSON.number(42).integer == 42)
        #expect(JSON.number(42.5).integer == nil)
    }

    @Test func `a boolean is read in any case`() {
        #expect(JSON.string("True").bool == true)
        #expect(JSON.string("yes").bool == nil)
    }
}

@Suite("times")
struct TimestampTests {
    @Test func `a time is written in UTC to the millisecond`() {
        #expect(Timestamp.text(Date(timeIntervalSince1970: 1_700_000_000.25)) == "2023-11-14T22:13:20.250Z")
    }

    @Test(arguments: ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20.000Z", "2023-11-14T23:13:20+01:00"])
    func `every spelling of a time is read`(text: String) {
        #expect(Timestamp.date(text) == Date(timeIntervalSince1970: 1_700_000_000))
    }

    @Test func `what is no time is refused`() {
        #expect(Timestamp.date("yesterday") == nil)
    }
}

@Suite("resource names")
struct ResourceNameTests {
    @Test(arguments: [
        "projects/p/zones/z/instances/i",
        "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
        "http://127.0.0.1:4600/compute/v1/projects/p/zones/z/instances/i",
    ])
    func `names and URLs name the same resource`(text: String) {
        let name = ResourceName(parsing: text)
        #expect(name.description == "projects/p/zones/z/instances/i")
        #expect(name.project == "p" && name.value(of: "zones") == "z" && name.last == "i")
    }
}
