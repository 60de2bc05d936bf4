import APIServer
import GoogleAPI

/// `projects.locations.repositories.pythonPackages`: releases, each named `package:version`.
struct PythonPackageMethods: Sendable {
    let packages: PackageMethods
    let store: PythonStore

    func list(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let (place, _) = try await packages.known(input)
        return input.list.page(try await releases(in: place), as: "pythonPackages")
    }

    func get(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let place = try await packages.known(input).place.repositoryPlace
        let name = "\(place.resource)/pythonPackages/\(input.package ?? "")"
        guard let release = try await releases(in: place).first(where: { $0["name"]?.string == name }) else {
            throw GoogleError.requestedEntityNotFound(name)
        }
        return release
    }

    private func releases(in place: RegistryPlace) async throws -> [JSON] {
        let files = Dictionary(grouping: try await store.files(in: place)) { "\($0.place.image):\($0.version)" }
        return files.compactMap { name, files in
            guard let first = files.first else { return nil }
            let times = files.map(\.createTime).sorted()
            let repository = "\(place.location)\(PythonInput.hostSuffix)/\(place.project)/\(place.repository)"
            return [
                "name": .string("\(place.resource)/pythonPackages/\(name)"),
                "uri": .string("\(repository)/\(first.name)"), "packageName": .string(first.place.image),
                "version": .string(first.version),
                "createTime": .string(Timestamp.text(times.first ?? first.createTime)),
                "updateTime": .string(Timestamp.text(times.last ?? first.createTime)),
            ]
        }
    }
}
