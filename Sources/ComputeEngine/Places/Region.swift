/// Google's regions and their zones, as far as exercise sheets and labs name them.
///
/// See [Regions and zones](https://docs.cloud.google.com/compute/docs/regions-zones).
struct Region: Sendable {
    var name: String
    var zoneLetters: [String]
    /// The range of the region's subnetwork in an auto mode network.
    ///
    /// See [auto mode ranges](https://docs.cloud.google.com/vpc/docs/subnets#ip-ranges).
    var range: String

    var zones: [String] { zoneLetters.map { "\(name)-\($0)" } }

    static let all: [Region] = [
        Region("us-central1", "abcf", "10.128.0.0/20"),
        Region("europe-west1", "bcd", "10.132.0.0/20"),
        Region("us-west1", "abc", "10.138.0.0/20"),
        Region("asia-east1", "abc", "10.140.0.0/20"),
        Region("us-east1", "bcd", "10.142.0.0/20"),
        Region("asia-northeast1", "abc", "10.146.0.0/20"),
        Region("asia-southeast1", "abc", "10.148.0.0/20"),
        Region("us-east4", "abc", "10.150.0.0/20"),
        Region("australia-southeast1", "abc", "10.152.0.0/20"),
        Region("europe-west2", "abc", "10.154.0.0/20"),
        Region("europe-west3", "abc", "10.156.0.0/20"),
        Region("southamerica-east1", "abc", "10.158.0.0/20"),
        Region("asia-south1", "abc", "10.160.0.0/20"),
        Region("northamerica-northeast1", "abc", "10.162.0.0/20"),
        Region("europe-west4", "abc", "10.164.0.0/20"),
        Region("europe-north1", "abc", "10.166.0.0/20"),
        Region("us-west2", "abc", "10.168.0.0/20"),
        Region("europe-west6", "abc", "10.172.0.0/20"),
    ]

    static func named(_ name: String) -> Region? { all.first { $0.name == name } }
    static func ofZone(_ zone: String) -> Region? { all.first { $0.zones.contains(zone) } }
    static let zoneNames = all.flatMap(\.zones)

    private init(_ name: String, _ letters: String, _ range: String) {
        self.name = name
        zoneLetters = letters.map { String($0) }
        self.range = range
    }
}
