import GoogleAPI
import Workloads

// A container belongs to the workload that its name begins with: `instance-7`, `job-3.worker`, `build-2.source`. Names can
// be changed, and images cannot bring them along; labels are as they were made.
extension WorkloadName {
    /// - Parameter name: A container's, with the slash before it or without.
    init(container name: String) { self.init(String(name.drop { $0 == "/" }.prefix { $0 != "." })) }
}

extension DockerEngine {
    /// Finds the containers that are parts of workloads in a listing: of one of them, or of those with all of some labels.
    ///
    /// What is only looked into, or unpacks a source, is no part.
    func filters(for name: WorkloadName? = nil, labels: [String: String] = [:]) -> JSON {
        let own = labels.map { "brume.label.\($0)=\($1)" }
        var filters: JSON = ["label": JSON(["brume.cloud=\(cloud)", "brume.part"] + own)]
        if let name { filters["name"] = [.string("^/?\(name)(\\.|$)")] }
        return filters
    }
}

extension JSON {
    /// The workload of a container in a listing.
    var workload: WorkloadName? { self["Names"]?.stringArray.first.map { WorkloadName(container: $0) } }
}
