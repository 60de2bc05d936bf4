import Foundation
import GoogleAPI

/// A project: [v1](https://docs.cloud.google.com/resource-manager/reference/rest/v1/projects) on the wire, and what v3 makes of it.
struct Project: Codable, Sendable, Equatable {
    enum State: String, Codable, Sendable {
        case active = "ACTIVE"
        case deleteRequested = "DELETE_REQUESTED"
    }

    @Int64Text var projectNumber: Int64
    var projectId: String
    var lifecycleState: State
    var name: String
    var labels: [String: String]?
    var parent: JSON?
    var createTime: Date
    /// v3 only.
    var updateTime: Date?

    init(id: String, number: Int64, name: String, labels: [String: String]?, parent: JSON?, at now: Date) {
        projectId = id
        _projectNumber = Int64Text(wrappedValue: number)
        lifecycleState = .active
        self.name = name
        self.labels = labels
        self.parent = parent
        createTime = now
        updateTime = now
    }

    /// - Throws: ``GoogleError`` `badRequest` (400), in Google's words.
    static func check(id: String) throws {
        if id.count < 6 { throw GoogleError.badProjectID("project_id must be at least 6 characters long") }
        if id.count > 30 { throw GoogleError.badProjectID("project_id must be at most 30 characters long") }
        if id.wholeMatch(of: /[a-z][-a-z0-9]*[a-z0-9]/) == nil {
            throw GoogleError.badProjectID(
                "project_id contains invalid characters: it has lower case letters, digits and hyphens, "
                    + "begins with a letter and does not end with a hyphen"
            )
        }
        if id.contains("google") || id.contains("ssl") {
            throw GoogleError.badProjectID("project_id contains a restricted word")
        }
    }

    /// [v1](https://docs.cloud.google.com/resource-manager/reference/rest/v1/projects).
    func v1() throws -> JSON {
        var document = try JSON(encoding: self)
        document["updateTime"] = nil
        return document
    }

    /// [v3](https://docs.cloud.google.com/resource-manager/reference/rest/v3/projects).
    var v3: JSON {
        var document: JSON = [
            "name": .string("projects/\(projectNumber)"), "projectId": .string(projectId),
            "state": .string(lifecycleState.rawValue), "displayName": .string(name),
            "createTime": .string(Timestamp.text(createTime)),
            "updateTime": .string(Timestamp.text(updateTime ?? createTime)),
            "etag": .string("W/\"\(Int((updateTime ?? createTime).timeIntervalSince1970 * 1000))\""),
        ]
        if let labels { document["labels"] = .object(labels.mapValues(JSON.string)) }
        return document
    }
}
