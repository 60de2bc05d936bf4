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
        package var code: any SourceCode
        package var webhookSecrets: any WebhookSecrets

        package init(
            engine: any WorkloadEngine,
            sources: any SourceArchives,
            logs: any BuildLogs,
            accounts: any BuildAccounts,
            images: any BuilderImages,
            surroundings: any BuildSurroundings,
            code: any SourceCode,
            webhookSecrets: any WebhookSecrets
        ) {
            self.engine = engine
            self.sources = sources
            self.logs = logs
            self.accounts = accounts
            self.images = images
            self.surroundings = surroundings
            self.code = code
            self.webhookSecrets = webhookSecrets
        }
    }

    private let builds: BuildMethods
    private let buildRunner: BuildRunner
    private let triggers: TriggerMethods
    private let triggerRunner: TriggerRunner

    /// - Parameter concurrentBuilds: How many builds run at once; the others wait in the order in which they came.
    package init(
        store: MetadataStore,
        projects: any ProjectDirectory,
        neighbours: Neighbours,
        events: BuildEvents,
        concurrentBuilds: Int,
        logger: Logger,
        now: @escaping @Sendable () -> Date,
        makeID: @escaping @Sendable () -> String
    ) {
        let rows = BuildStore(store: store)
        let repositories = RepositorySources(code: neighbours.code, connections: ConnectionStore(store: store))
        buildRunner = BuildRunner(
            store: rows,
            neighbours: neighbours,
            repositories: repositories,
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
        let maker = TriggeredBuilds(builds: builds, repositories: repositories)
        let triggerRows = TriggerStore(store: store)
        triggerRunner = TriggerRunner(events: events, triggers: triggerRows, maker: maker, logger: logger)
        triggers = TriggerMethods(
            store: triggerRows,
            projects: projects,
            events: events,
            maker: maker,
            secrets: neighbours.webhookSecrets,
            now: now,
            makeID: makeID
        )
    }

    /// Starts the builds of pushes and other events, those first that an earlier run of the daemon left unsettled.
    package var trigger: any Service { triggerRunner }

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

            addTriggers(to: api, root: root, id: "\(id).triggers")
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

    private func addTriggers(to api: MethodTable, root: String, id: String) {
        let all = "\(root)/triggers"
        let one = "\(all)/{trigger}"
        api.add("\(id).create", .post, all, requires: "cloudbuild.builds.create", triggers.create)
        api.add("\(id).list", .get, all, requires: "cloudbuild.builds.list", triggers.list)
        api.add("\(id).get", .get, one, requires: "cloudbuild.builds.get", triggers.get)
        api.add("\(id).patch", .patch, one, requires: "cloudbuild.builds.update", triggers.patch)
        api.add("\(id).delete", .delete, one, requires: "cloudbuild.builds.update", triggers.delete)
        api.add("\(id).run", .post, "\(one):run", requires: "cloudbuild.builds.create", triggers.run)
        // Whoever calls a webhook has its secret and nothing else.
        api.add("\(id).webhook", .post, "\(one):webhook", requires: nil, triggers.webhook)
    }
}
