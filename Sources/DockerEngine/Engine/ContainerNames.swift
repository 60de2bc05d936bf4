import GoogleAPI
import Workloads

// A container belongs to the workload that its name begins with: `instance-7`, `job-3.worker`, `build-2.source`. Names can
// be changed, and images cannot bring them along; labels are as they were made.
extension WorkloadName {
    /// - Parameter name: A container's, with the slash before it or without.
    init(container name: String) { self.init(String(name.drop { $0 == "/" }.prefix { $0 != "." })) }
}

extension DockerEngine {
    /// Finds the containers of a workload in a listing.
    func filters(for name: WorkloadName) -> JSON {
        ["label": [.string("brume.cloud=\(cloud)")], "name": [.string("^/?\(name)(\\.|$)")]]
    }
}

extension JSON {
    /// The workload of a container in a listing.
    var workload: WorkloadName? { self["Names"]?.stringArray.first.map { WorkloadName(container: $0) } }
}
