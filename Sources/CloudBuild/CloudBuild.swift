package import APIServer
package import Foundation
import HTTPTypes
package import Logging
package import MetadataStore
package import ServiceLifecycle
package import Workloads

/// Cloud Build: steps in containers on one workspace, images pushed, logs in a bucket.
package struct CloudBuild: Sendable {
    /// What builds need of the rest of the cloud.
    package struct Neighbours: Sendable {
        package var engine: any WorkloadEngine
        package var sources: any SourceArchives
        package var logs: any BuildLogs
        package var accounts: any BuildAccounts
        package var images: any BuilderImages
        package var surroundings: any BuildSurroundings

        package init(
            engine: any WorkloadEngine,
            sources: any SourceArchives,
            logs: any BuildLogs,
            accounts: any BuildAccounts,
            images: any BuilderImages,
            surroundings: any BuildSurroundings
        ) {
            self.engine = engine
            self.sources = sources
            self.logs = logs
            self.accounts = accounts
            self.images = images
            self.surroundings = surroundings
        }
    }

    private let builds: BuildMethods
    private let buildRunner: BuildRunner

    /// - Parameter concurrentBuilds: How many builds run at once; the others wait in the order in which they came.
    package init(
        store: MetadataStore,
        projects: any ProjectDirectory,
        neighbours: Neighbours,
        concurrentBuilds: Int,
        logger: Logger,
        now: @escaping @Sendable () -> Date,
        makeID: @escaping @Sendable () -> String
    ) {
        let rows = BuildStore(store: store)
        buildRunner = BuildRunner(
            store: rows,
            neighbours: neighbours,
            limit: concurrentBuilds,
            logger: logger,
            now: now
        )
        builds = BuildMethods(
            store: rows,
            projects: projects,
            accounts: neighbours.accounts,
            runner: buildRunner,
            now: now,
            makeID: makeID
        )
    }

    /// Carries builds out, those first that an earlier run of the daemon left unfinished.
    package var runner: any Service { buildRunner }

    /// The [Cloud Build API](https://docs.cloud.google.com/build/docs/api/reference/rest), v1; paths without a location
    /// mean `global`.
    package func api(authorizer: any Authorizer) -> API {
        let api = MethodTable(authorizer: authorizer)
        let project = "/v1/projects/{project}"
        let place = "\(project)/locations/{location}"
        for (root, id) in [(place, "cloudbuild.projects.locations"), (project, "cloudbuild.projects")] {
            let one = "\(root)/builds/{id}"
            api.add("\(id).builds.create", .post, "\(root)/builds", requires: "cloudbuild.builds.create", builds.create)
            api.add("\(id).builds.list", .get, "\(root)/builds", requires: "cloudbuild.builds.list", builds.list)
            api.add("\(id).builds.get", .get, one, requires: "cloudbuild.builds.get", builds.get)
            api.add("\(id).builds.cancel", .post, "\(one):cancel", requires: "cloudbuild.builds.update", builds.cancel)
            api.add("\(id).builds.retry", .post, "\(one):retry", requires: "cloudbuild.builds.create", builds.retry)
            api.lacks("\(id).builds.approve", .post, "\(one):approve")

            let trigger = "\(root)/triggers/{trigger}"
            api.lacks("\(id).triggers.create", .post, "\(root)/triggers")
            api.lacks("\(id).triggers.list", .get, "\(root)/triggers")
            api.lacks("\(id).triggers.get", .get, trigger)
            api.lacks("\(id).triggers.delete", .delete, trigger)
            api.lacks("\(id).triggers.patch", .patch, trigger)
            api.lacks("\(id).triggers.run", .post, "\(trigger):run")
            api.lacks("\(id).triggers.webhook", .post, "\(trigger):webhook")
        }
        api.add(
            "cloudbuild.operations.get",
            .get,
            "/v1/operations/build/{project}/{operation}",
            requires: "cloudbuild.builds.get",
            builds.operation
        )
        api.add(
            "cloudbuild.projects.locations.operations.get",
            .get,
            "\(place)/operations/{operation}",
            requires: "cloudbuild.builds.get",
            builds.operation
        )
        api.add(
            "cloudbuild.projects.locations.getDefaultServiceAccount",
            .get,
            "\(place)/defaultServiceAccount",
            requires: "cloudbuild.builds.list",
            builds.defaultServiceAccount
        )
        api.add(
            "cloudbuild.projects.locations.workerPools.list",
            .get,
            "\(place)/workerPools",
            requires: "cloudbuild.workerpools.list",
            builds.nothing
        )
        api.lacks("cloudbuild.projects.locations.workerPools.create", .post, "\(place)/workerPools")
        api.lacks("cloudbuild.projects.locations.workerPools.get", .get, "\(place)/workerPools/{pool}")
        let connections = "/v2/projects/{project}/locations/{location}/connections"
        api.lacks("cloudbuild.projects.locations.connections.create", .post, connections)
        api.lacks("cloudbuild.projects.locations.connections.list", .get, connections)
        api.lacks("cloudbuild.projects.locations.connections.get", .get, "\(connections)/{connection}")
        api.lacks(
            "cloudbuild.projects.locations.connections.repositories.create",
            .post,
            "\(connections)/{connection}/repositories"
        )
        api.lacks(
            "cloudbuild.projects.locations.connections.repositories.list",
            .get,
            "\(connections)/{connection}/repositories"
        )
        return API(
            name: "cloudbuild",
            hosts: ["cloudbuild.googleapis.com", "*-cloudbuild.googleapis.com"],
            prefix: "/cloudbuild",
            table: api
        )
    }
}
