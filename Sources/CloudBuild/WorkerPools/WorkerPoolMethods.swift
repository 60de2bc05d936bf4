import APIServer
import Foundation
import GoogleAPI

/// `projects.locations.workerPools`: private pools.
///
/// A pool is running when it is made. Its machines are those of this host, in the size that the pool says; its network
/// configuration is kept as it was written.
struct WorkerPoolMethods: Sendable {
    let store: WorkerPoolStore
    let builds: BuildMethods
    let projects: any ProjectDirectory
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    func create(_ input: WorkerPoolInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        guard input.newID.wholeMatch(of: /[a-z]([a-z0-9-]{0,61}[a-z0-9])?/) != nil else {
            throw GoogleError.invalidBuild(
                "worker_pool_id \"\(input.newID)\" must have 1 to 63 lower-case letters, digits and hyphens, and begin with a letter"
            )
        }
        var pool = WorkerPool(project: project, location: input.location, id: input.newID, document: input.body)
        pool.document["uid"] = .string(makeID())
        pool.document["createTime"] = .string(Timestamp.text(now()))
        try complete(&pool)
        if !input.isValidation { try await store.insert(pool) }
        return operation("create", pool, pool.document)
    }

    func get(_ input: WorkerPoolInput, _ caller: Caller) async throws -> JSON { try await find(input).document }

    func list(_ input: WorkerPoolInput, _ caller: Caller) async throws -> JSON {
        let found = try await store.list(
            location: input.location,
            project: try await projects.project(input.project).id,
            after: input.pageToken,
            limit: input.pageSize + 1
        )
        let page = found.prefix(input.pageSize)
        guard let last = page.last else { return [:] }
        var answer: JSON = ["workerPools": .array(page.map(\.document))]
        if found.count > page.count { answer["nextPageToken"] = .string(last.id) }
        return answer
    }

    func patch(_ input: WorkerPoolInput, _ caller: Caller) async throws -> JSON {
        let pool = try await find(input)
        let paths = input.updateMask.isEmpty ? Array((input.body.object ?? [:]).keys) : input.updateMask
        let body = input.body
        let changed = try await store.update(pool) { pool in
            for path in paths {
                let names = path.split(separator: ".").map { TriggerMethods.camel(String($0)) }
                guard let first = names.first, ["displayName", "annotations", "privatePoolV1Config"].contains(first)
                else { throw GoogleError.invalidBuild("update_mask: '\(path)' cannot be changed") }
                pool.document.set(names[...], to: body.value(at: names[...]))
            }
            try complete(&pool)
        }
        guard let changed else { throw GoogleError.connectionNotFound(pool.name) }
        return operation("update", changed, changed.document)
    }

    func delete(_ input: WorkerPoolInput, _ caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.project)
        let pool = WorkerPool(project: project, location: input.location, id: input.pool, document: [:])
        let wasThere = try await store.delete(input.pool, location: input.location, project: project.id)
        guard wasThere || input.mayBeMissing else { throw GoogleError.connectionNotFound(pool.name) }
        return operation("delete", pool, nil)
    }

    private func complete(_ pool: inout WorkerPool) throws {
        if let machine = pool.machineType, BuildMachine.worker(machine) == nil {
            throw GoogleError.invalidBuild(
                "invalid value for 'private_pool_v1_config.worker_config.machine_type': \"\(machine)\""
            )
        }
        pool.document["name"] = .string(pool.name)
        pool.document["state"] = "RUNNING"
        let time = now()
        pool.document["updateTime"] = .string(Timestamp.text(time))
        pool.document["etag"] = .string(String(UInt64(time.timeIntervalSince1970 * 1e6), radix: 36))
    }

    private func find(_ input: WorkerPoolInput) async throws -> WorkerPool {
        let project = try await projects.project(input.project)
        guard let pool = try await store.find(input.pool, location: input.location, project: project.id) else {
            let name = "projects/\(project.id)/locations/\(input.location)/workerPools/\(input.pool)"
            throw GoogleError.connectionNotFound(name)
        }
        return pool
    }

    // MARK: Operations

    private static let mark = "workerPool"

    /// An operation that is done: its name says all that a later question needs.
    private func operation(_ verb: String, _ pool: WorkerPool, _ result: JSON?) -> JSON {
        let kind = verb.prefix(1).uppercased() + verb.dropFirst()
        let types = "type.googleapis.com/google.devtools.cloudbuild.v1"
        var response = result ?? [:]
        response["@type"] =
            result == nil ? "type.googleapis.com/google.protobuf.Empty" : .string("\(types).WorkerPool")
        return [
            "name": .string(
                "projects/\(pool.project.id)/locations/\(pool.location)/operations/\(Self.mark).\(verb).\(pool.id)"
            ),
            "done": true,
            "metadata": [
                "@type": .string("\(types).\(kind)WorkerPoolOperationMetadata"), "workerPool": .string(pool.name),
            ],
            "response": response,
        ]
    }

    /// The operation of a pool, or of a build.
    func operation(_ input: LocationOperationInput, _ caller: Caller) async throws -> JSON {
        let parts = input.operation.split(separator: ".").map(String.init)
        guard parts.count == 3, parts[0] == Self.mark else {
            return try await builds.operation(
                BuildOperationInput(project: input.project, encoded: input.operation),
                caller
            )
        }
        let project = try await projects.project(input.project)
        let known = try await store.find(parts[2], location: input.location, project: project.id)
        let gone = WorkerPool(project: project, location: input.location, id: parts[2], document: [:])
        return operation(parts[1], known ?? gone, parts[1] == "delete" ? nil : known?.document)
    }
}

extension WorkerPoolStore {
    /// The pool that a build is to run in.
    ///
    /// - Parameter name: `projects/P/locations/L/workerPools/POOL`.
    /// - Throws: ``GoogleError`` (400, 403, 404).
    func pool(named name: String, for project: ProjectIdentity, location: String) async throws -> WorkerPool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0] == "projects", parts[2] == "locations", parts[4] == "workerPools" else {
            throw GoogleError.invalidBuild("invalid build: options.pool.name \"\(name)\" is no name of a worker pool")
        }
        guard [project.id, String(project.number)].contains(parts[1]) else {
            throw GoogleError.forbidden("Permission 'cloudbuild.workerpools.use' denied on '\(name)'.")
        }
        guard parts[3] == location else {
            throw GoogleError.invalidBuild(
                "invalid build: the worker pool \"\(name)\" is in \(parts[3]), and the build in \(location)"
            )
        }
        guard let pool = try await find(parts[5], location: location, project: project.id) else {
            throw GoogleError.connectionNotFound(name)
        }
        return pool
    }
}
