import Foundation
import FoundationXML
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// The XML that is written.
enum XML {
    static let amazon = "http://doc.s3.amazonaws.com/2006-03-01"

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
    var text = ""
    var children: [XMLTag] = []

    /// - Throws: ``GoogleError`` `invalid` (400) for what is no XML.
    init(parsing data: Data) throws {
        let reader = XMLReader()
        let parser = XMLParser(data: data)
        parser.delegate = reader
        parser.shouldResolveExternalEntities = false
        guard parser.parse(), let root = reader.root else {
            var error = GoogleError.invalid("The XML you provided was not well-formed.")
            error.metadata["code"] = "MalformedXML"
            throw error
        }
        self = root
    }

    fileprivate init(name: String) { self.name = name }

    subscript(_ name: String) -> XMLTag? { children.first { $0.name == name } }
    func all(_ name: String) -> [XMLTag] { children.filter { $0.name == name } }
    func text(_ name: String) -> String? { self[name]?.text }
}

private final class XMLReader: NSObject, XMLParserDelegate {
    private var open: [XMLTag] = []
    var root: XMLTag?

    func parser(
        _ parser: XMLParser,
        didStartElement name: String,
        namespaceURI: String?,
        qualifiedName: String?,
        attributes: [String: String]
    ) {
        open.append(XMLTag(name: name.split(separator: ":").last.map(String.init) ?? name))
        if open.count > 16 { parser.abortParsing() }
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
        if !open.isEmpty { open[open.count - 1].text += text }
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        guard let done = open.popLast() else { return }
        if open.isEmpty { root = done } else { open[open.count - 1].children.append(done) }
    }
}
