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
        package var entries: any BuildLogEntries
        package var outputs: any BuildOutputs
        package var accounts: any BuildAccounts
        package var images: any BuilderImages
        package var surroundings: any BuildSurroundings
        package var code: any SourceCode
        package var secrets: any BuildSecrets

        package init(
            engine: any WorkloadEngine,
            sources: any SourceArchives,
            logs: any BuildLogs,
            entries: any BuildLogEntries,
            outputs: any BuildOutputs,
            accounts: any BuildAccounts,
            images: any BuilderImages,
            surroundings: any BuildSurroundings,
            code: any SourceCode,
            secrets: any BuildSecrets
        ) {
            self.engine = engine
            self.sources = sources
            self.logs = logs
            self.entries = entries
            self.outputs = outputs
            self.accounts = accounts
            self.images = images
            self.surroundings = surroundings
            self.code = code
            self.secrets = secrets
        }
    }

    private let builds: BuildMethods
    private let buildRunner: BuildRunner
    private let triggers: TriggerMethods
    private let triggerRunner: TriggerRunner
    private let connections: ConnectionMethods
    private let pools: WorkerPoolMethods
    private let badge: TriggerBadge
    private let commits: CommitStatus
    private let gitHub: GitHubEvents

    /// - Parameter concurrentBuilds: How many builds run at once; the others wait in the order in which they came.
    package init(
        store: MetadataStore,
        projects: any ProjectDirectory,
        authorizer: any Authorizer,
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
            pools: WorkerPoolStore(store: store),
            projects: projects,
            accounts: neighbours.accounts,
            authorizer: authorizer,
            runner: buildRunner,
            now: now,
            makeID: makeID
        )
        pools = WorkerPoolMethods(
            store: builds.pools,
            builds: builds,
            projects: projects,
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
            secrets: neighbours.secrets,
            now: now,
            makeID: makeID
        )
        badge = TriggerBadge(triggers: triggers, builds: rows)
        commits = CommitStatus(projects: projects, builds: rows)
        connections = ConnectionMethods(
            store: repositories.connections,
            repositories: repositories,
            projects: projects,
            now: now,
            makeID: makeID
        )
        gitHub = GitHubEvents(connections: repositories.connections, events: events, now: now)
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
            api.add(
                "\(id).builds.approve",
                .post,
                "\(one):approve",
                requires: "cloudbuild.builds.approve",
                builds.approve
            )
            addTriggers(to: api, root: root, id: "\(id).triggers")
        }
        // Not Google's.
        api.add(
            "brume.commits.status",
            .get,
            "\(project)/repos/{repository}/commits/{commit}/status",
            requires: "cloudbuild.builds.list",
            commits.combined
        )
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
            pools.operation
        )
        api.add(
            "cloudbuild.projects.locations.getDefaultServiceAccount",
            .get,
            "\(place)/defaultServiceAccount",
            requires: "cloudbuild.builds.list",
            builds.defaultServiceAccount
        )
        addWorkerPools(to: api, root: "\(place)/workerPools")
        addConnections(to: api)
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
        // Not Google's.
        api.add("brume.triggers.badge", .get, "\(one):badge", requires: "cloudbuild.builds.get", badge.draw)
        // Whoever calls a webhook has its secret and nothing else.
        api.add("\(id).webhook", .post, "\(one):webhook", requires: nil, triggers.webhook)
    }

    private func addWorkerPools(to api: MethodTable, root: String) {
        func id(_ name: String) -> String { "cloudbuild.projects.locations.workerPools.\(name)" }
        func may(_ verb: String) -> String { "cloudbuild.workerpools.\(verb)" }
        let one = "\(root)/{pool}"
        api.add(id("create"), .post, root, requires: may("create"), pools.create)
        api.add(id("list"), .get, root, requires: may("list"), pools.list)
        api.add(id("get"), .get, one, requires: may("get"), pools.get)
        api.add(id("patch"), .patch, one, requires: may("update"), pools.patch)
        api.add(id("delete"), .delete, one, requires: may("delete"), pools.delete)
    }

    /// Version 2 of the API: connections to hosts of repositories.
    private func addConnections(to api: MethodTable) {
        let place = "/v2/projects/{project}/locations/{location}"
        let all = "\(place)/connections"
        let one = "\(all)/{connection}"
        func id(_ name: String) -> String { "cloudbuild.projects.locations.\(name)" }
        func may(_ verb: String) -> String { "cloudbuild.\(verb)" }

        api.add(id("connections.create"), .post, all, requires: may("connections.create"), connections.create)
        api.add(id("connections.list"), .get, all, requires: may("connections.list"), connections.list)
        api.add(id("connections.get"), .get, one, requires: may("connections.get"), connections.get)
        api.add(id("connections.patch"), .patch, one, requires: may("connections.update"), connections.patch)
        api.add(id("connections.delete"), .delete, one, requires: may("connections.delete"), connections.delete)
        // Not Google's: there, an installation of its GitHub app keeps the secret.
        api.add(
            "brume.connections.webhook",
            .get,
            "\(one):webhook",
            requires: may("connections.update"),
            connections.webhook
        )
        // GitHub has its signature and nothing else.
        api.add(id("connections.processWebhook"), .post, "\(all):processWebhook", requires: nil, gitHub.process)
        api.lacks(id("connections.fetchLinkableRepositories"), .get, "\(one):fetchLinkableRepositories")
        api.lacks(id("connections.getIamPolicy"), .get, "\(one):getIamPolicy")
        api.lacks(id("connections.setIamPolicy"), .post, "\(one):setIamPolicy")

        let repositories = "\(one)/repositories"
        let repository = "\(repositories)/{repository}"
        func idOfRepositories(_ name: String) -> String { id("connections.repositories.\(name)") }
        api.add(
            idOfRepositories("create"),
            .post,
            repositories,
            requires: may("repositories.create"),
            connections.createRepository
        )
        api.add(
            idOfRepositories("batchCreate"),
            .post,
            "\(repositories):batchCreate",
            requires: may("repositories.create"),
            connections.batchCreate
        )
        api.add(
            idOfRepositories("list"),
            .get,
            repositories,
            requires: may("repositories.list"),
            connections.listRepositories
        )
        api.add(idOfRepositories("get"), .get, repository, requires: may("repositories.get"), connections.getRepository)
        api.add(
            idOfRepositories("delete"),
            .delete,
            repository,
            requires: may("repositories.delete"),
            connections.deleteRepository
        )
        api.lacks(idOfRepositories("accessReadToken"), .post, "\(repository):accessReadToken")
        api.lacks(idOfRepositories("accessReadWriteToken"), .post, "\(repository):accessReadWriteToken")
        api.lacks(idOfRepositories("fetchGitRefs"), .get, "\(repository):fetchGitRefs")
        api.add(
            "cloudbuild.v2.projects.locations.operations.get",
            .get,
            "\(place)/operations/{operation}",
            requires: may("connections.get"),
            connections.operation
        )
    }
}
