import GoogleAPI
package import Workloads

extension Guests {
    /// Gives a process everything that makes it a guest: its place in the network, Google's names, the authority to
    /// trust, and variables. What the process's own environment says already stays.
    package func surround(_ process: inout ProcessSpec, as guest: Guest? = nil, at place: GuestPlace) {
        process.environment.merge(environment(at: place)) { own, _ in own }
        if !process.trustedAuthorities.contains(authorityPEM) { process.trustedAuthorities.append(authorityPEM) }
        var attachment = process.network ?? NetworkAttachment(network: place.network)
        attachment.network = place.network
        attachment.address = place.address
        if networks[place.network]?.hasDoors ?? false {
            attachment.nameServers = [WellKnown.metadataAddress]
            attachment.searchDomains = guest?.searchDomains ?? ["google.internal"]
        }
        process.network = attachment
    }

    /// The variables of a guest, for `/etc/environment` and the like.
    ///
    /// Where the engine cannot lead addresses to the daemon, the gateway is named as a proxy and the metadata server by
    /// its own port: then only programs that read these variables find Google's names.
    package func environment(at place: GuestPlace) -> [String: String] {
        var variables: [String: String] = [:]
        for name in Self.trustVariables { variables[name] = ProcessSpec.trustBundlePath }
        if let network = networks[place.network], !network.hasDoors {
            let proxy = "http://\(network.daemonAddress):\(ports.gateway)"
            let metadata = "\(network.daemonAddress):\(ports.metadata)"
            for name in ["HTTPS_PROXY", "https_proxy"] { variables[name] = proxy }
            for name in ["NO_PROXY", "no_proxy"] { variables[name] = "localhost,127.0.0.1,\(network.daemonAddress)" }
            for name in ["GCE_METADATA_HOST", "GCE_METADATA_IP", "GCE_METADATA_ROOT"] { variables[name] = metadata }
        }
        return variables
    }

    /// Each is read by some client that does not look into the system's store.
    package static let trustVariables = [
        "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPLIB2_CA_CERTS",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "PIP_CERT",
    ]
}
