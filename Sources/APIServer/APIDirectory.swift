/// Finds the API of a call by its host and its path: made once, since every request asks.
struct APIDirectory: Sendable {
    let apis: [API]
    private let byHost: [String: [API]]
    /// Hosts whose names begin with anything.
    private let bySuffix: [(suffix: String, api: API)]
    /// What paths begin with at plain endpoints, and how much of that is no part of the API's own path.
    private let byStart: [(start: String, dropped: Int, api: API)]
    private let lastResort: API?

    /// - Parameter apis: The first that fits a call gets it.
    init(_ apis: [API]) {
        self.apis = apis
        let hosts = apis.flatMap { api in api.hosts.map { (host: $0, api: api) } }
        byHost = hosts.reduce(into: [:]) { $0[$1.host, default: []].append($1.api) }
        bySuffix = hosts.filter { $0.host.hasPrefix("*") }.map { (String($0.host.dropFirst()), $0.api) }
        byStart = apis.filter { !$0.isLastResort }.flatMap { api in
            api.prefix.isEmpty
                ? api.paths.map { (start: $0, dropped: 0, api: api) }
                : [(start: api.prefix + "/", dropped: api.prefix.count, api: api)]
        }
        lastResort = apis.first(where: \.isLastResort)
    }

    func serves(host: String) -> Bool { !at(host).isEmpty }

    private func at(_ host: String) -> [API] {
        (byHost[host] ?? []) + bySuffix.filter { host.hasSuffix($0.suffix) }.map(\.api)
    }

    /// The API that takes a host which none names; nil when none does.
    func claimant(of host: String) async -> API? {
        for api in apis {
            if let claims = api.claims, await claims(host) { return api }
        }
        return nil
    }

    /// - Returns: The API, and the path as its own table names it; nil when none serves it.
    func find(host: String, path: String) -> (api: API, path: String)? {
        let here = at(host).filter { $0.serves(path: path) }
        if let api = here.first(where: { !$0.isLastResort }) ?? here.first { return (api, api.canonical(path)) }
        guard Target.isPlainEndpoint(host) else { return nil }
        if let found = byStart.first(where: { path.hasPrefix($0.start) }) {
            return (found.api, found.api.canonical(found.dropped == 0 ? path : String(path.dropFirst(found.dropped))))
        }
        return lastResort.map { ($0, path) }
    }
}

extension API {
    fileprivate func serves(path: String) -> Bool { paths.isEmpty || paths.contains { path.hasPrefix($0) } }

    fileprivate func canonical(_ path: String) -> String {
        for (alias, original) in aliases where path.hasPrefix(alias) {
            return original + path.dropFirst(alias.count)
        }
        return path
    }
}
