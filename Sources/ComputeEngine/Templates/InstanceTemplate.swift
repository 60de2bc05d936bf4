import APIServer
import Foundation
import GoogleAPI
import HTTPTypes

/// Instance templates: what an instance is to be, under a name; they never change.
///
/// See [instance templates](https://docs.cloud.google.com/compute/docs/instance-templates).
enum InstanceTemplate {
    /// The template that a client names, by any form; a bare name is one of the project's.
    ///
    /// - Throws: ``GoogleError`` `notFound` (404).
    static func find(_ text: String, in project: String, store: ResourceStore) async throws -> JSON {
        try await store.get(key(text, in: project))
    }

    static func key(_ text: String, in project: String) -> ResourceKey {
        let name = ResourceName(parsing: text)
        let scope = name.value(of: "regions").map { "regions/\($0)" } ?? "global"
        return ResourceKey(project: project, scope: scope, collection: "instanceTemplates", name: name.last)
    }
}

struct InstanceTemplateMethods: Sendable {
    let rows: Rows

    func add(to api: MethodTable) {
        let places = [("instanceTemplates", ComputePath.global), ("regionInstanceTemplates", ComputePath.region)]
        for (kind, place) in places {
            let path = place + "/instanceTemplates"
            let permission = "compute.instanceTemplates"
            api.add("compute.\(kind).list", .get, path, requires: "\(permission).list", rows.list)
            api.add("compute.\(kind).insert", .post, path, requires: "\(permission).create", insert)
            api.add("compute.\(kind).get", .get, path + "/{name}", requires: "\(permission).get", rows.get)
            api.add("compute.\(kind).delete", .delete, path + "/{name}", requires: "\(permission).delete", delete)
        }
        api.add(
            "compute.instanceTemplates.aggregatedList",
            .get,
            ComputePath.aggregated + "/instanceTemplates",
            requires: "compute.instanceTemplates.list",
            rows.aggregatedList
        )
    }

    func insert(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.newKey(input)
        try LackingFields.ofTemplates.check(input.body)
        guard let properties = input.body["properties"] else {
            throw GoogleError.fieldMissing("resource.properties")
        }
        let field = "resource.properties.machineType"
        let type = try MachineType.find(properties["machineType"]?.string ?? "", field: field)
        guard !(properties["disks"]?.array ?? []).isEmpty else {
            throw GoogleError.invalidField("resource.properties.disks", "", "No disks are specified.")
        }
        try Labels.check(properties["labels"], field: "resource.properties.labels")
        try LackingFields.ofInstances.check(properties, under: "properties.")
        try LackingFields.ofScheduling.check(properties["scheduling"] ?? [:], under: "properties.scheduling.")
        try ContainerDeclaration.read(from: properties)?.check()
        if let metadata = properties["metadata"] { _ = try Metadata.checked(metadata) }
        var template: JSON = [
            "kind": "compute#instanceTemplate", "id": .string(Token.id()), "name": .string(key.name),
            "creationTimestamp": .string(Timestamp.text(rows.changes.now())), "selfLink": .string(key.link),
            "description": input.body["description"] ?? "", "properties": properties,
        ]
        template["properties"]?["machineType"] = .string(type.name)
        if key.scope != "global" { template["region"] = .string(Link.to("projects/\(key.project)/\(key.scope)")) }
        return try await rows.insert(template, at: key, by: caller)
    }

    /// Deletes a template that no group is made by.
    func delete(_ input: NamedInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        return try await rows.changes.change("compute.instanceTemplates.delete", key, by: caller) { db in
            guard let template = try ResourceStore.fetch(key, in: db) else {
                throw GoogleError.resourceMissing(key.resourceName)
            }
            let user = try ResourceStore.list("instanceGroupManagers", project: key.project, in: db)
                .first { $0.resource["instanceTemplate"]?.string == key.link }
            if let user {
                throw GoogleError.templateInUse(key.resourceName, by: user.key.resourceName)
            }
            try ResourceStore.delete(key, in: db)
            return template
        }
    }

    func register() async {
        await rows.changes.register(rowsOnly: ["insert", "delete"].map { "compute.instanceTemplates.\($0)" })
    }
}
