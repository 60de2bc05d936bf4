import GoogleAPI

/// Checks what a client asks a trigger to be, in Cloud Build's words where they are known.
struct TriggerRequest {
    /// The trigger with what clients leave out.
    private(set) var document: JSON

    init(_ request: JSON) throws {
        document = request
        for field in ["id", "createTime", "resourceName", "triggerTemplateId"] { document[field] = nil }
        try checkName()
        try checkEvent()
        try checkContent()
        try checkPatterns()
    }

    private func checkName() throws {
        guard let name = document["name"]?.string, !name.isEmpty else { return }
        guard name.utf8.count <= 64, name.wholeMatch(of: /[A-Za-z0-9]([A-Za-z0-9\-]*[A-Za-z0-9])?/) != nil else {
            throw GoogleError.invalidBuild(
                "invalid build trigger name \"\(name)\": it must have up to 64 letters, digits and dashes, and begin and "
                    + "end with a letter or digit"
            )
        }
    }

    private mutating func checkEvent() throws {
        if document["pubsubConfig"] != nil { throw GoogleError.buildLacks("triggers by Pub/Sub ('pubsubConfig')") }
        for field in ["bitbucketServerTriggerConfig", "gitlabEnterpriseEventsConfig", "developerConnectEventConfig"]
        where document[field] != nil {
            throw GoogleError.buildLacks("triggers by '\(field)': use 'github' or 'repositoryEventConfig'")
        }
        if let filter = document["filter"]?.string, !filter.isEmpty {
            throw GoogleError.buildLacks("filters of triggers ('filter')")
        }
        let events = ["triggerTemplate", "github", "repositoryEventConfig", "webhookConfig"].filter {
            document[$0] != nil
        }
        guard events.count <= 1 else {
            throw GoogleError.invalidBuild(
                "invalid build trigger: only one of \(events.joined(separator: ", ")) may be set"
            )
        }
        if let template = document["triggerTemplate"] {
            guard template["repoName"]?.string ?? "" != "" else {
                throw GoogleError.invalidBuild("invalid build trigger: trigger_template.repo_name is required")
            }
            try checkOne(of: ["branchName", "tagName", "commitSha"], in: template, "trigger_template")
        }
        if let github = document["github"] {
            guard github["owner"]?.string ?? "" != "", github["name"]?.string ?? "" != "" else {
                throw GoogleError.invalidBuild("invalid build trigger: github.owner and github.name are required")
            }
            try checkOne(of: ["push", "pullRequest"], in: github, "github")
        }
        if let connected = document["repositoryEventConfig"] {
            guard connected["repository"]?.string ?? "" != "" else {
                throw GoogleError.invalidBuild("invalid build trigger: repository_event_config.repository is required")
            }
            try checkOne(of: ["push", "pullRequest"], in: connected, "repository_event_config")
        }
        if let webhook = document["webhookConfig"], webhook["secret"]?.string ?? "" == "" {
            throw GoogleError.invalidBuild("invalid build trigger: webhook_config.secret is required")
        }
    }

    private func checkOne(of fields: [String], in value: JSON, _ name: String) throws {
        guard fields.filter({ value[$0] != nil }).count == 1 else {
            throw GoogleError.invalidBuild(
                "invalid build trigger: \(name) must have exactly one of \(fields.joined(separator: ", "))"
            )
        }
    }

    private mutating func checkContent() throws {
        let given = ["build", "filename", "gitFileSource", "autodetect"].filter { field in
            switch document[field] {
            case nil, .string(""), .bool(false): false
            default: true
            }
        }
        guard given.count <= 1 else {
            throw GoogleError.invalidBuild(
                "invalid build trigger: only one of \(given.joined(separator: ", ")) may be set"
            )
        }
        // A trigger that names no configuration looks for one.
        if given.isEmpty { document["autodetect"] = true }
        let isFromRepository = document["webhookConfig"] == nil
        guard given == ["build"] || isFromRepository || document["sourceToBuild"] != nil || given == ["gitFileSource"]
        else { throw GoogleError.invalidBuild("invalid build trigger: a webhook needs a build or a source") }
        if let build = document["build"], build["steps"]?.array?.isEmpty ?? true {
            throw GoogleError.invalidBuild("invalid build: .steps field is empty: a build must have at least one step")
        }
        for name in (document["substitutions"]?.object ?? [:]).keys {
            guard name.wholeMatch(of: /_[A-Z0-9_]+/) != nil else {
                throw GoogleError.invalidBuild(
                    "invalid value for 'build.substitutions': key \"\(name)\" must begin with '_' and hold only A-Z, 0-9 "
                        + "and _"
                )
            }
        }
    }

    private func checkPatterns() throws {
        let holders = [
            document["triggerTemplate"], document["github"]?["push"], document["github"]?["pullRequest"],
            document["repositoryEventConfig"]?["push"], document["repositoryEventConfig"]?["pullRequest"],
        ]
        for holder in holders {
            for field in ["branch", "tag", "branchName", "tagName"] {
                if let pattern = holder?[field]?.string { _ = try RE2Pattern(pattern) }
            }
        }
        for field in ["includedFiles", "ignoredFiles"] {
            for pattern in document[field]?.array ?? [] { _ = try FileGlob(pattern.string ?? "") }
        }
    }
}
