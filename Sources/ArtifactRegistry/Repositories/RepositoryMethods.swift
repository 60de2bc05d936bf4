import APIServer
import Foundation
import GoogleAPI
import Operations

/// `projects.locations.repositories`, its locations and operations.
struct RepositoryMethods: Sendable {
    let store: RepositoryStore
    let sources: RepositorySources
    let formats: ArtifactFormats
    let projects: any ProjectDirectory
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    /// Where repositories can be. gcloud asks each one when it lists all: so those in use, and a few more.
    func locations(_ input: LocationInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let used = try await store.locations(project: project)
        return ["locations": .array((used.isEmpty ? ["us"] : used).map { Self.location($0, project) })]
    }

    func location(_ input: LocationInput, _ caller: Caller) async throws -> JSON {
        Self.location(input.location, try await projects.project(input.project).id)
    }

    private static func location(_ id: String, _ project: String) -> JSON {
        ["name": .string("projects/\(project)/locations/\(id)"), "locationId": .string(id), "displayName": .string(id)]
    }

    func create(_ input: CreateRepositoryInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let id = input.repositoryID
        guard Self.isValid(id) || RegistryPlace.multiRegions[id] == input.location else {
            throw GoogleError.repositoryInvalid(
                "Invalid repository ID '\(id)': lower-case letters, digits and hyphens, beginning with a letter, at most 63."
            )
        }
        var document = input.document
        let format =
            document["format"]?.string
            ?? document["format"]?.integer.map { ArtifactFormats.names[$0] ?? "format \($0)" }
        guard let format, ArtifactFormats.names.values.contains(format) else {
            throw GoogleError(
                .unimplemented,
                reason: "notImplemented",
                message: "Brume has repositories of the formats DOCKER and PYTHON, "
                    + "not '\(format ?? "FORMAT_UNSPECIFIED")'."
            )
        }
        document["format"] = .string(format)
        // Python clients send enums as numbers.
        let mode = document["mode"]?.string ?? document["mode"]?.integer.map(Self.mode)
        switch mode ?? "MODE_UNSPECIFIED" {
        case "MODE_UNSPECIFIED", "STANDARD_REPOSITORY": document["mode"] = "STANDARD_REPOSITORY"
        case "REMOTE_REPOSITORY", "VIRTUAL_REPOSITORY": document["mode"] = mode.map(JSON.string)
        case let mode:
            throw GoogleError(
                .unimplemented,
                reason: "notImplemented",
                message: "Brume has standard, remote and virtual repositories, not such of the mode '\(mode)'."
            )
        }
        _ = try CleanupPolicy.all(of: document)
        let place = RegistryPlace(project: project, location: input.location, repository: id, image: "")
        try await sources.check(document, at: place)
        let operation = done("repositories.create", place, caller)
        let stored = try await store.insert(document, at: place, operation: operation)
        return render(operation, type: "Repository", response: try await describe(place, stored))
    }

    private static func mode(_ number: Int64) -> String {
        let names = ["MODE_UNSPECIFIED", "STANDARD_REPOSITORY", "VIRTUAL_REPOSITORY", "REMOTE_REPOSITORY"]
        return names.indices.contains(Int(number)) ? names[Int(number)] : "mode \(number)"
    }

    func get(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let place = try await input.place(project: projects.project(input.project).id)
        guard let document = try await store.find(place) else {
            throw GoogleError.repositoryNotFound(place.resource.description)
        }
        return try await describe(place, document)
    }

    func list(_ input: LocationInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        let locations = input.location == "-" ? try await store.locations(project: project) : [input.location]
        var repositories: [JSON] = []
        for location in locations {
            for (place, document) in try await store.list(project: project, location: location) {
                repositories.append(try await describe(place, document))
            }
        }
        return input.list.page(repositories, as: "repositories")
    }

    /// Changes the description, labels and cleanup policies.
    func patch(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let place = try await input.place(project: projects.project(input.project).id)
        let changeable = [
            "description", "labels", "cleanupPolicies", "cleanupPolicyDryRun", "dockerConfig",
            "virtualRepositoryConfig",
        ]
        let fields = input.updateMask.isEmpty ? changeable.filter { input.body[$0] != nil } : input.updateMask
        if let stranger = fields.first(where: { !changeable.contains($0) }) {
            throw GoogleError.repositoryInvalid("The field '\(stranger)' of a repository cannot be changed.")
        }
        _ = try CleanupPolicy.all(of: input.body)
        if fields.contains("virtualRepositoryConfig"), var wanted = try await store.find(place) {
            wanted["virtualRepositoryConfig"] = input.body["virtualRepositoryConfig"]
            try await sources.check(wanted, at: place)
        }
        let changed = try await store.update(place) { document in
            for field in fields { document[field] = input.body[field] }
        }
        guard let changed else { throw GoogleError.repositoryNotFound(place.resource.description) }
        return try await describe(place, changed)
    }

    func delete(_ input: RepositoryInput, _ caller: Caller) async throws -> JSON {
        let place = try await input.place(project: projects.project(input.project).id)
        let operation = done("repositories.delete", place, caller)
        guard try await store.delete(place, operation: operation) else {
            throw GoogleError.repositoryNotFound(place.resource.description)
        }
        return render(operation, type: nil, response: [:])
    }

    func operation(_ input: OperationInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project).id
        guard let operation = try await store.operation(input.operation), operation.project == project,
            operation.method.hasPrefix("artifactregistry.")
        else { throw GoogleError.requestedEntityNotFound("operation \(input.operation)") }
        let isRepository = operation.method == "artifactregistry.repositories.create"
        return render(operation, type: isRepository ? "Repository" : nil, response: operation.response ?? [:])
    }

    /// An operation that is carried out in the transaction which inserts it.
    func done(_ method: String, _ place: RegistryPlace, _ caller: Caller) -> Operations.Operation {
        let time = now()
        var operation = Operations.Operation(
            id: makeID(),
            method: "artifactregistry.\(method)",
            project: place.project,
            scope: "locations/\(place.location)",
            target: place.resource.description,
            user: caller.email ?? "",
            insertTime: time
        )
        operation.state = .done
        operation.startTime = time
        operation.endTime = time
        operation.response = [:]
        return operation
    }

    func render(_ operation: Operations.Operation, type: String?, response: JSON) -> JSON {
        var response = response
        response["@type"] = .string(
            type.map { "type.googleapis.com/google.devtools.artifactregistry.v1.\($0)" }
                ?? "type.googleapis.com/google.protobuf.Empty"
        )
        return [
            "name": .string("projects/\(operation.project)/\(operation.scope)/operations/\(operation.id)"),
            "metadata": ["@type": "type.googleapis.com/google.devtools.artifactregistry.v1.OperationMetadata"],
            "done": true,
            "response": response,
        ]
    }

    private func describe(_ place: RegistryPlace, _ document: JSON) async throws -> JSON {
        var document = document
        document["sizeBytes"] = .string(String(try await formats.format(of: document).sizeBytes(of: place)))
        document["registryUri"] =
            document["format"] == "PYTHON"
            ? .string("https://\(place.location)\(PythonInput.hostSuffix)/\(place.project)/\(place.repository)")
            : .string(RegistryPlace.uri(project: place.project, location: place.location, repository: place.repository))
        return document
    }

    private static func isValid(_ id: String) -> Bool {
        guard let first = id.utf8.first, (97...122).contains(first), id.utf8.count <= 63, id.utf8.last != 45 else {
            return false
        }
        return id.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }
}
