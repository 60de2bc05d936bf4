import GoogleAPI

/// The tags by which firewall rules know instances.
///
/// See [network tags](https://docs.cloud.google.com/vpc/docs/add-remove-network-tags).
enum NetworkTags {
    /// - Throws: ``GoogleError`` `invalid` (400) for a tag against the naming rule.
    static func check(_ tags: JSON?) throws {
        for (index, tag) in (tags?["items"]?.array ?? []).enumerated() {
            let text = tag.string ?? ""
            guard text.wholeMatch(of: /[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?/) != nil else {
                throw GoogleError.invalidField(
                    "resource.tags.items[\(index)]",
                    text,
                    "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'"
                )
            }
        }
    }
}
