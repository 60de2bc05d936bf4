import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

struct NamedProjectInput: MethodInput {
    var resource: ResourceName
    var body: JSON

    init(from call: Call) async throws {
        resource = .project(try call.parameter("project"))
        body = call.request.method == .get || call.request.method == .delete ? [:] : try await call.body()
    }
}

struct CreateProjectInput: MethodInput {
    struct Body: Decodable, Sendable {
        var projectId: String?
        var name: String?
        var displayName: String?
        var labels: [String: String]?
        var parent: JSON?
    }

    let resource = ResourceName([])
    var id: String
    var body: Body

    init(from call: Call) async throws {
        body = try await call.body()
        id = body.projectId ?? ""
        try Project.check(id: id)
    }
}

struct ListProjectsInput: MethodInput {
    let resource = ResourceName([])
    var filter: ProjectFilter
    var pageSize: Int
    var pageToken: String

    init(from call: Call) async throws {
        filter = try ProjectFilter(parsing: call.query("filter") ?? call.query("query") ?? "")
        pageSize = min(max(call.query("pageSize").flatMap { Int($0) } ?? 500, 1), 500)
        pageToken = call.query("pageToken") ?? ""
    }
}

struct OperationInput: MethodInput {
    let resource = ResourceName([])
    var name: String

    init(from call: Call) async throws { name = try call.parameter("operation") }
}

struct NothingInput: MethodInput {
    let resource = ResourceName([])

    init(from call: Call) async throws {}
}

/// What a list of projects is narrowed to: terms such as `lifecycleState:ACTIVE id:a*`, all of which must hold.
struct ProjectFilter: Sendable, Equatable {
    private struct Term: Sendable, Equatable {
        var field: String
        var value: String
    }

    private var terms: [Term] = []

    /// - Throws: ``GoogleError`` `invalid` (400).
    init(parsing text: String) throws {
        for word in text.split(whereSeparator: { " \t()".contains($0) }) where word != "AND" {
            guard let mark = word.firstIndex(where: { ":=".contains($0) }), mark != word.startIndex else {
                throw GoogleError.badFilter(text)
            }
            let value = word[word.index(after: mark)...].trimmingCharacters(in: CharacterSet(charactersIn: "\"'=:"))
            terms.append(Term(field: String(word[..<mark]), value: value))
        }
        for term in terms where Self.values(term.field, of: nil) == nil { throw GoogleError.badFilter(text) }
    }

    func matches(_ project: Project) -> Bool {
        terms.allSatisfy { term in
            Self.values(term.field, of: project)?.contains { Self.matches($0.lowercased(), term.value.lowercased()) }
                ?? false
        }
    }

    /// The values of a field; nil for a field that projects do not have.
    private static func values(_ field: String, of project: Project?) -> [String]? {
        switch field {
        case "id", "projectId": return project.map { [$0.projectId] } ?? []
        case "name", "displayName": return project.map { [$0.name] } ?? []
        case "projectNumber": return project.map { [String($0.projectNumber)] } ?? []
        case "lifecycleState", "state": return project.map { [$0.lifecycleState.rawValue] } ?? []
        case "parent.id", "parent.type", "parent": return []
        case "labels": return (project?.labels?.keys).map { Array($0) } ?? []
        case let field where field.hasPrefix("labels."):
            return (project?.labels?[String(field.dropFirst("labels.".count))]).map { [$0] } ?? []
        default: return nil
        }
    }

    private static func matches(_ value: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return value == pattern }
        guard value.hasPrefix(parts[0]), value.hasSuffix(parts[parts.count - 1]) else { return false }
        return parts.dropFirst().dropLast().allSatisfy { $0.isEmpty || value.contains($0) }
    }
}
