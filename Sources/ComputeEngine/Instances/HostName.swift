import GoogleAPI

/// What a machine calls itself: its name and what follows it, or the name of its own that the instance asks for.
///
/// See [custom hostnames](https://docs.cloud.google.com/compute/docs/instances/custom-hostname-vm).
struct HostName: Sendable {
    var name: String
    var domain: String

    init(of instance: JSON, zone: String, project: String) {
        let parts = (instance["hostname"]?.string ?? "").split(separator: ".", maxSplits: 1).map(String.init)
        name = parts.first ?? instance["name"]?.string ?? ""
        domain = parts.dropFirst().first ?? Self.domain(zone, of: project)
    }

    /// What follows the names of a zone's instances.
    static func domain(_ zone: String, of project: String) -> String { "\(zone).c.\(project).internal" }

    var full: String { "\(name).\(domain)" }

    /// - Throws: ``GoogleError`` `invalid` (400) for a name of its own that is not made of two labels or more.
    static func check(_ instance: JSON) throws {
        guard let asked = instance["hostname"]?.string, !asked.isEmpty else { return }
        guard asked.count <= 253,
            asked.wholeMatch(of: /[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)+/)
                != nil
        else {
            throw GoogleError.invalidField(
                "resource.hostname",
                asked,
                "It must be a fully qualified name of two labels or more, in lower case."
            )
        }
    }
}
