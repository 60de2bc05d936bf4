import Foundation
import GoogleAPI

/// What turns a shell from Google's cloud to this one, and back: the variables of `brume env`.
///
/// Values that a variable had before are kept beside it (`BRUME_SAVED_…`), so that turning back restores them.
package struct EnvironmentSwitch: Sendable {
    /// The variables of the switch, in the order in which they are printed.
    package let variables: [(name: String, value: String)]

    private static let mark = "BRUME_ENV"
    private static let savedPrefix = "BRUME_SAVED_"

    package init(data: DataFolder, port: Int, project: String, engineSocket: String?) {
        let client = ClientFolder(data)
        let proxy = "http://127.0.0.1:\(port)"
        var variables: [(name: String, value: String)] = [
            // gcloud and gsutil: a configuration of their own, the gateway as proxy, Brume's authority
            ("CLOUDSDK_CONFIG", client.gcloud),
            ("CLOUDSDK_CORE_PROJECT", project),
            ("CLOUDSDK_PROXY_TYPE", "http"),
            ("CLOUDSDK_PROXY_ADDRESS", "127.0.0.1"),
            ("CLOUDSDK_PROXY_PORT", String(port)),
            ("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", client.bundle),
            ("BOTO_CONFIG", client.boto),
            // everything else that speaks HTTPS; gRPC reads the lower-case name only
            ("HTTPS_PROXY", proxy),
            ("https_proxy", proxy),
            // gcsfs, and with it pandas and datasets, looks at no proxy unless it is told to
            ("FSSPEC_GCS", #"{"session_kwargs": {"trust_env": true}}"#),
        ]
        for name in Self.authorityVariables { variables.append((name, client.bundle)) }
        variables.append(("GOOGLE_APPLICATION_CREDENTIALS", client.key))
        variables.append(("DOCKER_CONFIG", client.docker))
        if let engineSocket { variables.append(("DOCKER_HOST", "unix://\(engineSocket)")) }
        self.variables = variables
    }

    /// The variables by which programs are told whom to trust.
    package static let authorityVariables = [
        "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPLIB2_CA_CERTS",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "PIP_CERT",
    ]

    package enum Shell: String, CaseIterable, Sendable { case bash, zsh, fish, json }

    /// What a shell evaluates to be turned to this cloud.
    package func on(shell: Shell, environment: [String: String]) -> String {
        var changes: [(String, String?)] = []
        let isFirst = environment[Self.mark] == nil
        for (name, value) in variables {
            if isFirst, let old = environment[name] { changes.append((Self.savedPrefix + name, old)) }
            changes.append((name, value))
        }
        changes.append((Self.mark, "1"))
        return Self.render(changes, shell: shell)
    }

    /// What a shell evaluates to be turned back.
    package static func off(shell: Shell, environment: [String: String]) -> String {
        var changes: [(String, String?)] = []
        if environment[mark] != nil {
            for name in switchedNames {
                let saved = environment[savedPrefix + name]
                if environment[name] != nil || saved != nil { changes.append((name, saved)) }
                if saved != nil { changes.append((savedPrefix + name, nil)) }
            }
            changes.append((mark, nil))
        }
        return render(changes, shell: shell)
    }

    /// The environment of one command in this cloud's surroundings.
    package func applied(to environment: [String: String]) -> [String: String] {
        environment.merging(variables.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    private static let switchedNames =
        [
            "CLOUDSDK_CONFIG", "CLOUDSDK_CORE_PROJECT", "CLOUDSDK_PROXY_TYPE", "CLOUDSDK_PROXY_ADDRESS",
            "CLOUDSDK_PROXY_PORT", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "BOTO_CONFIG", "HTTPS_PROXY", "https_proxy",
            "FSSPEC_GCS", "GOOGLE_APPLICATION_CREDENTIALS", "DOCKER_CONFIG", "DOCKER_HOST",
        ] + authorityVariables

    private static func render(_ changes: [(String, String?)], shell: Shell) -> String {
        switch shell {
        case .json:
            let object = Dictionary(changes.map { ($0.0, $0.1) }, uniquingKeysWith: { $1 })
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        case .bash, .zsh:
            return changes.map { name, value in
                value.map { "export \(name)=\(quoted($0));" } ?? "unset \(name);"
            }.joined(separator: "\n")
        case .fish:
            return changes.map { name, value in
                value.map { "set -gx \(name) \(fishQuoted($0));" } ?? "set -e \(name);"
            }.joined(separator: "\n")
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: #"'\''"#) + "'"
    }

    private static func fishQuoted(_ text: String) -> String {
        "'" + text.replacing(#"\"#, with: #"\\"#).replacing("'", with: #"\'"#) + "'"
    }
}

extension EnvironmentSwitch {
    /// The switch to a running cloud.
    ///
    /// - Throws: ``SettingError`` when the cloud has no owner yet.
    package init(data: DataFolder, daemon: DaemonState) throws {
        guard let project = ClientFolder(data).ownerKey?["project_id"]?.string else {
            throw SettingError("the cloud on '\(data.path)' has no owner yet: see 'brume logs'")
        }
        self.init(data: data, port: daemon.port, project: project, engineSocket: daemon.engineSocket)
    }
}
