import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// The XML that is written.
enum XML {
    static let amazon = "http://doc.s3.amazonaws.com/2006-03-01"
    /// Of multipart uploads; the Python SDK finds nothing in another one.
    static let multipart = "http://s3.amazonaws.com/doc/2006-03-01/"

    static func element(_ name: String, _ text: String) -> String { "<\(name)>\(escaped(text))</\(name)>" }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// A document of one element.
    static func document(_ root: String, namespace: String? = amazon, _ content: String) -> String {
        let attribute = namespace.map { " xmlns='\($0)'" } ?? ""
        return "<?xml version='1.0' encoding='UTF-8'?><\(root)\(attribute)>\(content)</\(root)>"
    }

    static func response(_ text: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/xml; charset=UTF-8"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

/// An element of XML that came, without namespaces.
struct XMLTag: Sendable {
    var name: String
    /// Texts by names without prefixes; references in them are left as they are.
    var attributes: [String: String] = [:]
    var text = ""
    var children: [XMLTag] = []

    /// - Throws: ``GoogleError`` `invalid` (400) for what is no XML.
    init(parsing data: Data) throws {
        var reader = XMLReader(bytes: Array(data)[...])
        guard let root = reader.document() else {
            throw GoogleError.malformedXML("it is not well-formed")
        }
        self = root
    }

    init(name: String) { self.name = name }

    subscript(_ name: String) -> XMLTag? { children.first { $0.name == name } }
    func all(_ name: String) -> [XMLTag] { children.filter { $0.name == name } }
    func text(_ name: String) -> String? { self[name]?.text }
}
