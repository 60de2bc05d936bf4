import APIServer
import Foundation
import GoogleAPI
import Operations

/// The rules of custom jobs.
struct CustomJobMethods: Sendable {
    let store: CustomJobStore
    let projects: any ProjectDirectory
    let authorizer: any Authorizer
    let runner: CustomJobRunner
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    /// Takes a job on; it is pending, and runs when its image and containers are there.
    func create(_ input: CreateCustomJobInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.place.project)
        if let account = input.document["jobSpec"]?["serviceAccount"]?.string, !account.isEmpty {
            try await authorizer.authorize(caller, toActAs: account, in: project)
        }
        let id = makeID()
        var job = CustomJob(
            id: id,
            project: project.id,
            location: input.place.location,
            state: .pending,
            createTime: now(),
            document: input.document
        )
        let time = JSON.string(Timestamp.text(job.createTime))
        job.document["name"] = .string(
            "projects/\(project.number)/locations/\(job.location)/customJobs/\(id)"
        )
        job.document["createTime"] = time
        job.document["updateTime"] = time
        try await store.insert(job)
        runner.begin(id)
        return job.wire
    }

    func get(_ input: CustomJobInput, as caller: Caller) async throws -> JSON {
        let job = try await find(input)
        var wire = job.wire
        if input.isFollower, wire["endTime"] == nil { wire["endTime"] = .string(Timestamp.text(now())) }
        return wire
    }

    func list(_ input: ListCustomJobsInput, as caller: Caller) async throws -> JSON {
        let project = try await projects.project(input.place.project)
        let jobs = try await store.list(project: project.id, location: input.place.location)
            .filter(input.filter.matches)
        let page = jobs.dropFirst(input.offset).prefix(input.pageSize)
        guard !page.isEmpty else { return [:] }
        var reply: JSON = ["customJobs": .array(page.map(\.wire))]
        if input.offset + page.count < jobs.count {
            reply["nextPageToken"] = .string(String(input.offset + page.count))
        }
        return reply
    }

    /// Asks a job to end; one that has ended is left as it is.
    func cancel(_ input: CustomJobInput, as caller: Caller) async throws -> JSON {
        let job = try await find(input)
        try await store.change(job.id) { job in
            guard !job.state.isEnd else { return }
            job.state = .cancelling
            job.isCancelled = true
        }
        await runner.cancel(job.id)
        return [:]
    }

    /// Deletes a job that has ended.
    func delete(_ input: CustomJobInput, as caller: Caller) async throws -> JSON {
        let job = try await find(input)
        guard job.state.isEnd else { throw GoogleError.jobRuns(job.name) }
        var operation = Operations.Operation(
            id: makeID(),
            method: "aiplatform.projects.locations.customJobs.delete",
            project: job.project,
            scope: "locations/\(job.location)",
            target: job.name,
            user: caller.email ?? "",
            insertTime: now()
        )
        operation.state = .done
        operation.endTime = operation.insertTime
        operation.response = ["@type": "type.googleapis.com/google.protobuf.Empty"]
        try await store.delete(job.id, operation: operation)
        let project = try await projects.project(job.project)
        return OperationMethods.wire(operation, project: project)
    }

    private func find(_ input: CustomJobInput) async throws -> CustomJob {
        let project = try await projects.project(input.place.project)
        guard let job = try await store.find(input.id), job.project == project.id, job.location == input.place.location
        else { throw GoogleError.customJobNotFound("\(input.place.resource)/customJobs/\(input.id)") }
        return job
    }
}
