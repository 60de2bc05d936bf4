import APIServer
import Foundation
import GoogleAPI
import Hummingbird

/// A project, and a location; the paths without one mean `global`.
struct BuildsInput: MethodInput {
    var project: String
    var location: String
    var body: JSON
    var filter: String?
    var pageSize: Int
    var pageToken: String?
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = try call.optionalParameter("location") ?? "global"
        body = call.request.method == .post ? try await call.body() : [:]
        filter = call.query("filter").flatMap { $0.isEmpty ? nil : $0 }
        pageSize = try call.pageSize()
        pageToken = call.query("pageToken").flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// One build.
struct BuildInput: MethodInput {
    var project: String
    var location: String
    var id: String
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        project = try call.parameter("project")
        location = try call.optionalParameter("location") ?? "global"
        id = try call.parameter("id")
    }
}

/// Somebody's word on a build that waits for it.
struct ApproveBuildInput: MethodInput {
    var build: BuildInput
    var isApproved: Bool
    var result: JSON
    var resource: ResourceName { build.resource }

    init(from call: Call) async throws {
        build = try await BuildInput(from: call)
        let body: JSON = try await call.body()
        let asked = body["approvalResult"] ?? [:]
        let decision = asked["decision"]?.string ?? ""
        guard ["APPROVED", "REJECTED"].contains(decision) else {
            throw GoogleError.invalidBuild("approvalResult.decision must be APPROVED or REJECTED")
        }
        isApproved = decision == "APPROVED"
        result = ["decision": .string(decision)]
        for key in ["comment", "url"] { result[key] = asked[key] }
    }
}

/// The operation of a build.
struct BuildOperationInput: MethodInput {
    var project: String
    var buildID: String
    var resource: ResourceName { .project(project) }

    init(from call: Call) async throws {
        try self.init(project: call.parameter("project"), encoded: call.parameter("operation"))
    }

    init(project: String, encoded: String) throws {
        self.project = project
        guard let data = Data(base64Encoded: encoded) else {
            throw GoogleError.buildNotFound(encoded)
        }
        buildID = String(decoding: data, as: UTF8.self)
    }
}

extension Call {
    func optionalParameter(_ name: String) throws -> String? {
        context.parameters.get(name) == nil ? nil : try parameter(name)
    }
}

extension Call {
    /// How many resources a page may hold: 100 unless the caller says otherwise, 1000 at most.
    ///
    /// - Throws: ``GoogleError`` `invalidArgument` (400) for a negative number.
    func pageSize() throws -> Int {
        let size = query("pageSize").flatMap { Int($0) } ?? 0
        guard size >= 0 else { throw GoogleError.invalidBuild("page_size must not be negative") }
        return size == 0 ? 100 : min(size, 1000)
    }
}
