import APIServer
import HTTPTypes

/// What gcloud and Terraform ask Compute Engine for, and Brume lacks: each answers 501 with its name.
///
/// See the [REST reference](https://docs.cloud.google.com/compute/docs/reference/rest/v1).
enum LackingMethods {
    /// Collections of which Brume has nothing, by the place where they stand.
    private static let collections: [(place: String, id: String, path: String)] =
        [
            "backendBuckets", "backendServices", "externalVpnGateways", "firewallPolicies", "globalForwardingRules",
            "healthChecks", "httpHealthChecks", "httpsHealthChecks", "instantSnapshots", "machineImages",
            "securityPolicies", "sslCertificates", "sslPolicies", "targetHttpProxies", "targetHttpsProxies",
            "targetTcpProxies", "urlMaps",
        ].map { (ComputePath.global, $0, $0 == "globalForwardingRules" ? "forwardingRules" : $0) }
        + [
            ("regionBackendServices", "backendServices"), ("forwardingRules", "forwardingRules"),
            ("regionCommitments", "commitments"), ("regionDisks", "disks"), ("regionHealthChecks", "healthChecks"),
            ("regionSslCertificates", "sslCertificates"), ("regionTargetHttpProxies", "targetHttpProxies"),
            ("regionUrlMaps", "urlMaps"), ("resourcePolicies", "resourcePolicies"), ("routers", "routers"),
            ("targetPools", "targetPools"), ("targetVpnGateways", "targetVpnGateways"), ("vpnGateways", "vpnGateways"),
            ("vpnTunnels", "vpnTunnels"),
        ].map { (ComputePath.region, $0, $1) }
        + [
            "networkEndpointGroups", "nodeGroups", "reservations", "storagePools", "targetInstances",
        ].map { (ComputePath.zone, $0, $0) }

    /// Collections of zones and regions that are also listed over all.
    private static let aggregated = [
        "backendServices", "commitments", "forwardingRules", "healthChecks", "networkEndpointGroups", "nodeGroups",
        "reservations", "resourcePolicies", "routers", "sslCertificates", "storagePools", "targetHttpProxies",
        "targetInstances", "targetPools", "targetVpnGateways", "urlMaps", "vpnGateways", "vpnTunnels",
    ]

    static func add(to api: MethodTable) {
        for (place, id, path) in collections {
            let all = "\(place)/\(path)"
            api.lacks("compute.\(id).list", .get, all)
            api.lacks("compute.\(id).insert", .post, all)
            api.lacks("compute.\(id).get", .get, all + "/{name}")
            api.lacks("compute.\(id).delete", .delete, all + "/{name}")
        }
        for collection in aggregated {
            let id = collection == "commitments" ? "regionCommitments" : collection
            api.lacks("compute.\(id).aggregatedList", .get, "\(ComputePath.aggregated)/\(collection)")
        }
        addOfInstances(to: api)
        addOfDisks(to: api)
        addOfGroups(to: api)
        for verb in [
            "moveInstance", "moveDisk", "setUsageExportBucket", "setDefaultNetworkTier", "setCloudArmorTier",
            "enableXpnHost", "disableXpnHost",
        ] { api.lacks("compute.projects.\(verb)", .post, "\(ComputePath.project)/\(verb)") }
        let routers = ComputePath.region + "/routers/{name}"
        api.lacks("compute.routers.patch", .patch, routers)
        api.lacks("compute.routers.getRouterStatus", .get, routers + "/getRouterStatus")
        api.lacks("compute.licenses.get", .get, ComputePath.global + "/licenses/{name}")
        let networks = ComputePath.global + "/networks/{name}"
        api.lacks("compute.networks.updatePeering", .patch, networks + "/updatePeering")
        api.lacks("compute.networks.getEffectiveFirewalls", .get, networks + "/getEffectiveFirewalls")
    }

    private static func addOfInstances(to api: MethodTable) {
        let one = ComputePath.zone + "/instances/{name}"
        api.lacks(
            "compute.instances",
            [
                "addNetworkInterface", "addResourcePolicies", "deleteNetworkInterface", "performMaintenance",
                "removeResourcePolicies", "reportHostAsFaulty", "sendDiagnosticInterrupt", "setSecurityPolicy",
                "startWithEncryptionKey",
            ],
            on: one
        )
        for verb in ["getEffectiveFirewalls", "getScreenshot", "getShieldedInstanceIdentity", "referrers"] {
            let id = verb == "referrers" ? "listReferrers" : verb
            api.lacks("compute.instances.\(id)", .get, "\(one)/\(verb)")
        }
        api.lacks("compute.instances.updateNetworkInterface", .patch, one + "/updateNetworkInterface")
    }

    private static func addOfDisks(to api: MethodTable) {
        let path = ComputePath.zone + "/disks"
        api.lacks(
            "compute.disks",
            ["addResourcePolicies", "removeResourcePolicies", "startAsyncReplication", "stopAsyncReplication"],
            on: path + "/{name}"
        )
        api.lacks("compute.disks.stopGroupAsyncReplication", .post, path + "/stopGroupAsyncReplication")
        api.lacks("compute.disks.bulkInsert", .post, path + "/bulkInsert")
        api.lacks("compute.disks.update", .patch, path + "/{name}")
    }

    private static func addOfGroups(to api: MethodTable) {
        for (id, place) in [
            ("instanceGroupManagers", ComputePath.zone), ("regionInstanceGroupManagers", ComputePath.region),
        ] {
            let one = place + "/instanceGroupManagers/{name}"
            api.lacks(
                "compute.\(id)",
                [
                    "deletePerInstanceConfigs", "listPerInstanceConfigs", "patchPerInstanceConfigs", "resumeInstances",
                    "setAutoHealingPolicies", "setTargetPools", "startInstances", "stopInstances", "suspendInstances",
                    "updatePerInstanceConfigs",
                ],
                on: one
            )
        }
        // Groups have the size that they are told.
        for (id, place) in [("autoscalers", ComputePath.zone), ("regionAutoscalers", ComputePath.region)] {
            let path = place + "/autoscalers"
            api.lacks("compute.\(id).insert", .post, path)
            api.lacks("compute.\(id).update", .put, path)
            api.lacks("compute.\(id).patch", .patch, path)
            api.lacks("compute.\(id).get", .get, path + "/{name}")
            api.lacks("compute.\(id).delete", .delete, path + "/{name}")
        }
    }
}
