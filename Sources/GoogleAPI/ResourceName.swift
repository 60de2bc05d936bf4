/// The relative name of a resource: `projects/demo/zones/europe-west1-b/instances/vm`.
///
/// See [AIP-122](https://google.aip.dev/122). Segments are decoded; a segment may hold any character.
package struct ResourceName: Hashable, Sendable, CustomStringConvertible {
    package var segments: [String]

    package init(_ segments: [String]) { self.segments = segments }

    /// Reads a name or a full URL of a resource.
    ///
    /// Scheme, host and API prefix are ignored, since clients write `https://www.googleapis.com/compute/v1/…`,
    /// `http://127.0.0.1:4600/compute/v1/…` and `zones/…` for the same thing: reading starts at the first
    /// `projects`, `zones`, `regions` or `global` segment when the text is a URL.
    package init(parsing text: String) {
        var segments = text.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        let roots: Set = ["projects", "zones", "regions", "global"]
        if text.contains("://"), let root = segments.firstIndex(where: roots.contains) {
            segments.removeFirst(root)
        }
        self.segments = segments
    }

    package static func project(_ id: String) -> ResourceName { ResourceName(["projects", id]) }

    package var description: String { segments.joined(separator: "/") }

    /// The segment after `collection`: `value(of: "zones")` of the example above is `europe-west1-b`.
    package func value(of collection: String) -> String? {
        guard let index = segments.firstIndex(of: collection), index + 1 < segments.count else { return nil }
        return segments[index + 1]
    }

    /// The project that the resource belongs to, as an ID or a number.
    package var project: String? { value(of: "projects") }

    package var last: String { segments.last ?? "" }

    package func appending(_ more: String...) -> ResourceName { ResourceName(segments + more) }
}
