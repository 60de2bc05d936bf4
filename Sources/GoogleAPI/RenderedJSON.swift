package import Foundation

/// A JSON document that was written once: it is answered as it stands, and not read before.
package struct RenderedJSON: Sendable, Encodable {
    /// UTF-8.
    package let text: Data

    package init(_ text: Data) { self.text = text }

    package init(_ document: JSON) throws { text = try document.data() }

    package func encode(to encoder: any Encoder) throws { try JSON(parsing: text).encode(to: encoder) }
}
