import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// What pip and twine speak: the [simple index](https://peps.python.org/pep-0503/), its files, and uploads.
struct PythonIndex: Sendable {
    let repositories: RepositoryStore
    let projects: any ProjectDirectory
    let sources: RepositorySources
    let pulls: PythonPulls
    let authorizer: any Authorizer
    let uploads: PythonUploads
    let blobs: BlobMethods

    /// The names of all packages.
    func packages(_ input: PythonInput, _ call: Call) async throws -> Response {
        let names = try await pulls.packages(in: known(input))
        return Self.page("Simple index", names.map { "<a href=\"\($0)/\">\($0)</a>" })
    }

    /// The files of one package, each with its hash.
    func files(_ input: PythonInput, _ call: Call) async throws -> Response {
        let place = try await package(input)
        let links = try await pulls.links(of: place)
        guard !links.isEmpty else { throw GoogleError.notFound("There is no package '\(place.image)' here.") }
        let lines = links.map { link in
            let hash = link.digest.map { "#" + $0.replacing("sha256:", with: "sha256=") } ?? ""
            let requires = link.requiresPython.map { " data-requires-python=\"\(Self.escaped($0))\"" } ?? ""
            let yanked = link.yanked.map { " data-yanked=\"\(Self.escaped($0))\"" } ?? ""
            return "<a href=\"../../\(place.image)/\(link.name)\(hash)\"\(requires)\(yanked)>\(link.name)</a>"
        }
        return Self.page("Links for \(place.image)", lines)
    }

    func download(_ input: PythonInput, _ call: Call) async throws -> Response {
        let place = try await package(input)
        switch try await pulls.find(input.file, in: place) {
        case .held(let file): return try await blobs.get(file.place, file.digest, call)
        case .elsewhere(let file, let index, let source):
            return try await pulls.fetch(file, from: index, in: source, isHead: call.request.method == .head)
        case nil: throw GoogleError.notFound("There is no file '\(input.file)' of '\(place.image)' here.")
        }
    }

    func upload(_ input: PythonInput, _ call: Call) async throws -> Response {
        let place = try await known(input)
        try await sources.checkTakesPushes(place)
        try await uploads.take(call.request.body, contentType: call.headers[.contentType] ?? "", in: place)
        return Response(status: .ok)
    }

    /// Adds a file in the name of an account.
    func add(
        _ fileName: String,
        _ content: some AsyncSequence<ByteBuffer, any Error>,
        to place: RegistryPlace,
        as account: String
    ) async throws -> (name: String, sha256: Data) {
        let caller = Caller(identity: .account(account), origin: "", requestID: "")
        try await authorizer.authorize(
            caller,
            for: RegistryAccess.Permission.upload.rawValue,
            on: place.resource
        )
        let known = try await known(place)
        try await sources.checkTakesPushes(known)
        return try await uploads.add(fileName, content, in: known)
    }

    private func package(_ input: PythonInput) async throws -> RegistryPlace {
        var place = try await known(input)
        guard PythonName.isValid(input.package) else {
            throw GoogleError.notFound("There is no package '\(input.package)' here.")
        }
        place.image = PythonName.normalized(input.package)
        return place
    }

    private func known(_ input: PythonInput) async throws -> RegistryPlace {
        try await known(
            RegistryPlace(
                project: input.project,
                location: input.location,
                repository: input.repository,
                image: ""
            )
        )
    }

    /// A repository of Python packages, by the ID or number of its project.
    private func known(_ named: RegistryPlace) async throws -> RegistryPlace {
        var place = named
        place.project = try await projects.project(named.project).id
        guard let document = try await repositories.find(place), document["format"] == "PYTHON" else {
            throw GoogleError.repositoryNotFound(place.resource.description)
        }
        return place
    }

    private static func page(_ title: String, _ links: [String]) -> Response {
        let text = """
            <!DOCTYPE html>
            <html><head><meta name="pypi:repository-version" content="1.0"><title>\(title)</title></head>
            <body>
            \(links.map { $0 + "<br>" }.joined(separator: "\n"))
            </body></html>

            """
        return Response(
            status: .ok,
            headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: .init(string: text))
        )
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}

/// A call to `REGION-python.pkg.dev`; the host says where the repository is.
struct PythonInput: MethodInput {
    static let hostSuffix = "-python.pkg.dev"

    var project: String
    var location: String
    var repository: String
    var package: String
    var file: String
    var resource: ResourceName {
        ResourceName(["projects", project, "locations", location, "repositories", repository])
    }

    init(from call: Call) async throws {
        func optional(_ name: String) throws -> String {
            call.context.parameters.get(name) == nil ? "" : try call.parameter(name)
        }
        project = try call.parameter("project")
        repository = try call.parameter("repository")
        package = try optional("package")
        file = try optional("file")
        guard call.hostName.hasSuffix(Self.hostSuffix) else {
            throw GoogleError.notFound("Write the host as REGION\(Self.hostSuffix).")
        }
        location = String(call.hostName.dropLast(Self.hostSuffix.count))
    }
}

extension ErrorStyle {
    /// Text for people, as pip and twine print it; a 401 asks for a password.
    static let python = ErrorStyle { error, call in
        var headers: HTTPFields = [.contentType: "text/plain; charset=utf-8"]
        if error.code == 401 { headers[.wwwAuthenticate] = "Basic realm=\"Artifact Registry\"" }
        let text = call.request.head.method == .head ? "" : error.message + "\n"
        return Response(status: .init(code: error.code), headers: headers, body: .init(byteBuffer: .init(string: text)))
    }
}
