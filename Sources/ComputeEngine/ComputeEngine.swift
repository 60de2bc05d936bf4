package import APIServer
package import Foundation
package import Guests
import GoogleAPI
import HTTPTypes
package import ImageCatalogue
package import Logging
package import MetadataStore
package import Operations
package import ServiceLifecycle
package import Workloads

/// Compute Engine: instances and what is around them.
///
/// See the [REST reference](https://docs.cloud.google.com/compute/docs/reference/rest/v1).
package struct ComputeEngine: Sendable {
    private let places: PlaceMethods
    private let images: ImageMethods
    private let projectMethods: ProjectMethods
    private let networks: NetworkMethods
    private let instances: InstanceMethods
    private let disks: DiskMethods
    private let changes: ChangeLog
    private let life: InstanceLife
    private let sessions = MachineSessions()
    private let authorizer: any Authorizer
    private let logger: Logger

    package init(
        store: MetadataStore,
        operations: OperationRunner,
        projects: any ProjectDirectory,
        authorizer: any Authorizer,
        engine: any WorkloadEngine,
        guests: Guests,
        catalogue: ImageCatalogue,
        tools: any MachineTools,
        credentials: any ImageCredentials,
        logger: Logger,
        now: @escaping @Sendable () -> Date
    ) async {
        let resources = ResourceStore(database: store.database)
        self.logger = logger
        changes = ChangeLog(runner: operations, projects: projects, now: now)
        places = PlaceMethods(projects: projects)
        images = ImageMethods(catalogue: catalogue)
        projectMethods = ProjectMethods(store: resources, projects: projects, changes: changes)
        networks = NetworkMethods(store: resources, projects: projects, changes: changes)
        life = InstanceLife(
            store: resources,
            projects: projects,
            images: images,
            catalogue: catalogue,
            tools: tools,
            guests: guests,
            engine: engine,
            credentials: credentials,
            projectMetadata: projectMethods,
            changes: changes,
            sessions: sessions,
            logger: logger
        )
        self.authorizer = authorizer
        instances = InstanceMethods(
            store: resources,
            projects: projects,
            authorizer: authorizer,
            images: images,
            changes: changes,
            life: life
        )
        disks = DiskMethods(store: resources, projects: projects, changes: changes, engine: engine)
        await life.register(on: operations)
        await disks.register(on: operations)
    }

    /// Keeps instances what their rows say; runs as long as the daemon.
    package var keeper: any Service { InstanceKeeper(life: life, sessions: sessions, logger: logger) }

    package var api: API {
        let table = MethodTable(authorizer: authorizer)
        addMethods(to: table)
        return API(
            name: "compute",
            hosts: ["compute.googleapis.com", "www.googleapis.com"],
            paths: ["/compute/"],
            aliases: ["/compute/beta/": "/compute/v1/", "/compute/alpha/": "/compute/v1/"],
            errors: .errors,
            table: table
        )
    }
}

extension ComputeEngine {
    private func addMethods(to api: MethodTable) {
        let project = "/compute/v1/projects/{project}"
        let zone = project + "/zones/{zone}"
        let global = project + "/global"

        api.add("compute.projects.get", .get, project, requires: "compute.projects.get", projectMethods.get)
        api.add(
            "compute.projects.setCommonInstanceMetadata",
            .post,
            project + "/setCommonInstanceMetadata",
            requires: "compute.projects.setCommonInstanceMetadata",
            projectMethods.setCommonInstanceMetadata
        )

        api.add("compute.zones.get", .get, project + "/zones/{name}", requires: "compute.zones.get", places.getZone)
        api.add("compute.zones.list", .get, project + "/zones", requires: "compute.zones.list", places.listZones)
        api.add(
            "compute.regions.get",
            .get,
            project + "/regions/{name}",
            requires: "compute.regions.get",
            places.getRegion
        )
        api.add(
            "compute.regions.list",
            .get,
            project + "/regions",
            requires: "compute.regions.list",
            places.listRegions
        )
        for catalogue in [PlaceMethods.Catalogue.machineTypes, .diskTypes, .acceleratorTypes] {
            let name = catalogue.collection
            api.add(
                "compute.\(name).get",
                .get,
                zone + "/\(name)/{name}",
                requires: "compute.\(name).get",
                places.get(catalogue)
            )
            api.add(
                "compute.\(name).list",
                .get,
                zone + "/\(name)",
                requires: "compute.\(name).list",
                places.list(catalogue)
            )
            api.add(
                "compute.\(name).aggregatedList",
                .get,
                project + "/aggregated/\(name)",
                requires: "compute.\(name).list",
                places.list(catalogue)
            )
        }

        api.add("compute.images.list", .get, global + "/images", requires: nil, images.list)
        api.add("compute.images.get", .get, global + "/images/{name}", requires: nil, images.get)
        api.add(
            "compute.images.getFromFamily",
            .get,
            global + "/images/family/{name}",
            requires: nil,
            images.getFromFamily
        )
        api.add(
            "compute.imageFamilyViews.get",
            .get,
            zone + "/imageFamilyViews/{name}",
            requires: nil,
            images.familyView
        )

        api.add(
            "compute.networks.list",
            .get,
            global + "/networks",
            requires: "compute.networks.list",
            networks.listNetworks
        )
        api.add(
            "compute.networks.get",
            .get,
            global + "/networks/{name}",
            requires: "compute.networks.get",
            networks.getNetwork
        )
        api.add(
            "compute.subnetworks.list",
            .get,
            project + "/regions/{region}/subnetworks",
            requires: "compute.subnetworks.list",
            networks.listSubnetworks
        )
        api.add(
            "compute.subnetworks.aggregatedList",
            .get,
            project + "/aggregated/subnetworks",
            requires: "compute.subnetworks.list",
            networks.listSubnetworks
        )
        api.add(
            "compute.subnetworks.get",
            .get,
            project + "/regions/{region}/subnetworks/{name}",
            requires: "compute.subnetworks.get",
            networks.getSubnetwork
        )
        api.add(
            "compute.addresses.list",
            .get,
            project + "/regions/{region}/addresses",
            requires: "compute.addresses.list",
            networks.listAddresses
        )
        api.add(
            "compute.globalAddresses.list",
            .get,
            global + "/addresses",
            requires: "compute.globalAddresses.list",
            networks.listAddresses
        )
        api.add(
            "compute.addresses.aggregatedList",
            .get,
            project + "/aggregated/addresses",
            requires: "compute.addresses.list",
            networks.aggregatedAddresses
        )
        api.add(
            "compute.firewalls.list",
            .get,
            global + "/firewalls",
            requires: "compute.firewalls.list",
            networks.listFirewalls
        )
        api.add(
            "compute.firewalls.get",
            .get,
            global + "/firewalls/{name}",
            requires: "compute.firewalls.get",
            networks.getFirewall
        )
        api.add(
            "compute.firewalls.insert",
            .post,
            global + "/firewalls",
            requires: "compute.firewalls.create",
            networks.insertFirewall
        )
        api.add(
            "compute.firewalls.delete",
            .delete,
            global + "/firewalls/{name}",
            requires: "compute.firewalls.delete",
            networks.deleteFirewall
        )

        addOperations(to: api, project: project)
        addInstances(to: api, project: project, zone: zone)
        addDisks(to: api, project: project, zone: zone)
        addLacking(to: api, project: project, zone: zone, global: global)
    }

    private func addOperations(to api: MethodTable, project: String) {
        let kinds = [
            ("zoneOperations", "/zones/{zone}"), ("regionOperations", "/regions/{region}"),
            ("globalOperations", "/global"),
        ]
        for (kind, scope) in kinds {
            let path = project + scope + "/operations"
            api.add("compute.\(kind).get", .get, path + "/{name}", requires: "compute.\(kind).get", changes.get)
            api.add("compute.\(kind).wait", .post, path + "/{name}/wait", requires: "compute.\(kind).get", changes.wait)
            api.add("compute.\(kind).list", .get, path, requires: "compute.\(kind).list", changes.list)
        }
        api.add(
            "compute.globalOperations.aggregatedList",
            .get,
            project + "/aggregated/operations",
            requires: "compute.globalOperations.list",
            changes.aggregatedList
        )
    }

    private func addInstances(to api: MethodTable, project: String, zone: String) {
        let path = zone + "/instances"
        api.add("compute.instances.insert", .post, path, requires: "compute.instances.create", instances.insert)
        api.add("compute.instances.list", .get, path, requires: "compute.instances.list", instances.list)
        api.add(
            "compute.instances.aggregatedList",
            .get,
            project + "/aggregated/instances",
            requires: "compute.instances.list",
            instances.aggregatedList
        )
        api.add("compute.instances.get", .get, path + "/{name}", requires: "compute.instances.get", instances.get)
        api.add(
            "compute.instances.delete",
            .delete,
            path + "/{name}",
            requires: "compute.instances.delete",
            instances.delete
        )
        api.add(
            "compute.instances.getSerialPortOutput",
            .get,
            path + "/{name}/serialPort",
            requires: "compute.instances.getSerialPortOutput",
            instances.serialPortOutput
        )
        api.add(
            "compute.instances.getGuestAttributes",
            .get,
            path + "/{name}/getGuestAttributes",
            requires: "compute.instances.getGuestAttributes",
            instances.guestAttributes
        )
        let verbs: [(String, @Sendable (InstanceInput, Caller) async throws -> JSON)] = [
            ("start", instances.start), ("stop", instances.stop), ("reset", instances.reset),
            ("setMetadata", instances.setMetadata), ("setLabels", instances.setLabels), ("setTags", instances.setTags),
            ("setMachineType", instances.setMachineType), ("setScheduling", instances.setScheduling),
            ("setDiskAutoDelete", instances.setDiskAutoDelete),
            ("setServiceAccount", instances.setServiceAccount),
            ("simulateMaintenanceEvent", instances.simulateMaintenanceEvent),
        ]
        for (verb, perform) in verbs {
            api.add(
                "compute.instances.\(verb)",
                .post,
                path + "/{name}/\(verb)",
                requires: "compute.instances.\(verb)",
                perform
            )
        }
        api.add(
            "compute.instances.setDeletionProtection",
            .post,
            path + "/{name}/setDeletionProtection",
            requires: "compute.instances.setDeletionProtection",
            instances.setDeletionProtection
        )
    }

    private func addDisks(to api: MethodTable, project: String, zone: String) {
        let path = zone + "/disks"
        api.add("compute.disks.insert", .post, path, requires: "compute.disks.create", disks.insert)
        api.add("compute.disks.list", .get, path, requires: "compute.disks.list", disks.list)
        api.add(
            "compute.disks.aggregatedList",
            .get,
            project + "/aggregated/disks",
            requires: "compute.disks.list",
            disks.aggregatedList
        )
        api.add("compute.disks.get", .get, path + "/{name}", requires: "compute.disks.get", disks.get)
        api.add("compute.disks.delete", .delete, path + "/{name}", requires: "compute.disks.delete", disks.delete)
        api.add(
            "compute.disks.resize",
            .post,
            path + "/{name}/resize",
            requires: "compute.disks.resize",
            disks.resize
        )
        api.add(
            "compute.disks.setLabels",
            .post,
            path + "/{name}/setLabels",
            requires: "compute.disks.setLabels",
            disks.setLabels
        )
    }

    /// Google's methods that Brume does not have (yet): they answer 501 with their names.
    private func addLacking(to api: MethodTable, project: String, zone: String, global: String) {
        for verb in [
            "suspend", "resume", "attachDisk", "detachDisk", "addAccessConfig", "deleteAccessConfig",
            "addNetworkInterface",
            "addResourcePolicies", "removeResourcePolicies", "setMachineResources",
            "setMinCpuPlatform",
            "setIamPolicy", "testIamPermissions", "updateNetworkInterface", "setName",
        ] {
            api.lacks("compute.instances.\(verb)", .post, zone + "/instances/{name}/\(verb)")
        }
        api.lacks("compute.instances.bulkInsert", .post, zone + "/instances/bulkInsert")
        api.lacks("compute.instances.update", .put, zone + "/instances/{name}")
        api.lacks("compute.disks.createSnapshot", .post, zone + "/disks/{name}/createSnapshot")
        api.lacks("compute.images.insert", .post, global + "/images")
        api.lacks("compute.images.delete", .delete, global + "/images/{name}")
        api.lacks("compute.networks.insert", .post, global + "/networks")
        api.lacks("compute.networks.delete", .delete, global + "/networks/{name}")
        api.lacks("compute.firewalls.patch", .patch, global + "/firewalls/{name}")
        for kind in ["snapshots", "instanceTemplates"] {
            api.lacks("compute.\(kind).list", .get, "\(global)/\(kind)")
            api.lacks("compute.\(kind).insert", .post, "\(global)/\(kind)")
            api.lacks("compute.\(kind).get", .get, "\(global)/\(kind)/{name}")
            api.lacks("compute.\(kind).delete", .delete, "\(global)/\(kind)/{name}")
        }
        api.lacks("compute.snapshots.setLabels", .post, global + "/snapshots/{name}/setLabels")
        api.lacks("compute.instanceTemplates.aggregatedList", .get, project + "/aggregated/instanceTemplates")
        for (verb, method) in [("deprecate", HTTPRequest.Method.post), ("setLabels", .post)] {
            api.lacks("compute.images.\(verb)", method, global + "/images/{name}/\(verb)")
        }
        api.lacks("compute.images.patch", .patch, global + "/images/{name}")
        api.lacks("compute.addresses.insert", .post, project + "/regions/{region}/addresses")
        let region = project + "/regions/{region}"
        for (kind, place) in [("instanceGroupManagers", zone), ("regionInstanceGroupManagers", region)] {
            let all = place + "/instanceGroupManagers"
            api.lacks("compute.\(kind).list", .get, all)
            api.lacks("compute.\(kind).insert", .post, all)
            api.lacks("compute.\(kind).get", .get, all + "/{name}")
            api.lacks("compute.\(kind).patch", .patch, all + "/{name}")
            api.lacks("compute.\(kind).delete", .delete, all + "/{name}")
            for verb in [
                "resize", "listManagedInstances", "recreateInstances", "deleteInstances", "abandonInstances",
                "setInstanceTemplate", "createInstances",
            ] { api.lacks("compute.\(kind).\(verb)", .post, "\(all)/{name}/\(verb)") }
        }
        api.lacks("compute.instanceGroupManagers.aggregatedList", .get, project + "/aggregated/instanceGroupManagers")
        for (kind, place) in [("instanceGroups", zone), ("regionInstanceGroups", region)] {
            api.lacks("compute.\(kind).list", .get, place + "/instanceGroups")
            api.lacks("compute.\(kind).get", .get, place + "/instanceGroups/{name}")
            api.lacks("compute.\(kind).listInstances", .post, place + "/instanceGroups/{name}/listInstances")
        }
        api.lacks("compute.projects.moveInstance", .post, project + "/moveInstance")
    }
}
