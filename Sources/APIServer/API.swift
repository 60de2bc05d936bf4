/// One API of Google's as the edge sees it: where its calls arrive, and how its errors are written.
package final class API: Sendable {
    /// The short name: `storage`, `compute`, `cloudbuild`.
    package let name: String
    /// The host names of the real service; a leading `*` stands for any prefix: `*-aiplatform.googleapis.com`.
    package let hosts: [String]
    /// What plain endpoints (door 2) put in front of the API's paths, and the edge removes: `/cloudbuild`.
    ///
    /// Empty for an API whose own paths cannot be mistaken for another's, such as `/storage/v1/…`.
    package let prefix: String
    /// The beginnings of the API's own paths. On hosts that several APIs share, and at plain endpoints without a
    /// prefix, they decide. Empty: any path.
    package let paths: [String]
    /// Beginnings of paths that are served as if another stood there: `/v1beta1/` as `/v1/`.
    package let aliases: [String: String]
    package let errors: ErrorStyle
    /// Signs callers in; nil: the cloud's common way (bearer tokens).
    package let authenticator: (any Authenticator)?
    /// Which pages of other origins may use the API from a browser; nil: none.
    package let crossOrigin: (any CrossOriginPolicy)?
    /// Whether it gets what no other API takes: at its hosts, and at plain endpoints.
    package let isLastResort: Bool
    /// Whether it takes the calls to a host that no API names, such as a web site's own.
    package let claims: (@Sendable (_ host: String) async -> Bool)?
    package let methods: [MethodDescription]
    let responder: any CallResponder

    package init(
        name: String,
        hosts: [String],
        prefix: String = "",
        paths: [String] = [],
        aliases: [String: String] = [:],
        errors: ErrorStyle = .details,
        authenticator: (any Authenticator)? = nil,
        crossOrigin: (any CrossOriginPolicy)? = nil,
        isLastResort: Bool = false,
        claims: (@Sendable (_ host: String) async -> Bool)? = nil,
        table: MethodTable
    ) {
        self.name = name
        self.hosts = hosts
        self.prefix = prefix
        self.paths = paths
        self.aliases = aliases
        self.errors = errors
        self.authenticator = authenticator
        self.crossOrigin = crossOrigin
        self.isLastResort = isLastResort
        self.claims = claims
        methods = table.methods
        responder = table.responder()
    }
}
