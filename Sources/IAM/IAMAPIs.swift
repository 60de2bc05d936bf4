package import APIServer
import GoogleAPI
import HTTPTypes

extension IAM {
    /// Everything that IAM answers: `iam`, `iamcredentials`, and the token server at its three addresses.
    package func apis(authorizer: any Authorizer, projects: any ProjectDirectory) -> [API] {
        [
            iam(authorizer: authorizer, projects: projects), credentials(authorizer: authorizer),
            tokenServer("oauth2", hosts: ["oauth2.googleapis.com", "openidconnect.googleapis.com"], prefix: "/oauth2"),
            tokenServer("oauth2", hosts: ["www.googleapis.com"], paths: ["/oauth2/", "/robot/v1/"]),
            tokenServer("oauth2", hosts: ["accounts.google.com"], paths: ["/token", "/tokeninfo", "/o/oauth2/"]),
        ]
    }

    private func iam(authorizer: any Authorizer, projects: any ProjectDirectory) -> API {
        let table = MethodTable(authorizer: authorizer)
        let serviceAccounts = ServiceAccountMethods(
            store: accounts,
            policies: policies,
            keys: keys,
            projects: projects,
            authorizer: authorizer,
            makeUniqueID: makeUniqueID
        )
        let keys = KeyMethods(store: accounts, now: now)
        let roles = RoleMethods()
        let all = "/v1/projects/{project}/serviceAccounts"
        let one = all + "/{account}"
        let may = "iam.serviceAccounts."
        let id = "iam.projects.serviceAccounts."
        table.add(id + "create", .post, all, requires: may + "create", serviceAccounts.create)
        table.add(id + "list", .get, all, requires: may + "list", serviceAccounts.list)
        table.add(id + "get", .get, one, requires: may + "get", serviceAccounts.get)
        table.add(id + "patch", .patch, one, requires: may + "update", serviceAccounts.patch)
        table.add(id + "update", .put, one, requires: may + "update", serviceAccounts.patch)
        table.add(id + "delete", .delete, one, requires: may + "delete", serviceAccounts.delete)
        table.add(id + "enable", .post, one + ":enable", requires: may + "enable", serviceAccounts.enable)
        table.add(id + "disable", .post, one + ":disable", requires: may + "disable", serviceAccounts.disable)
        table.add(
            id + "getIamPolicy",
            .post,
            one + ":getIamPolicy",
            requires: may + "getIamPolicy",
            serviceAccounts.getIamPolicy
        )
        table.add(
            id + "setIamPolicy",
            .post,
            one + ":setIamPolicy",
            requires: may + "setIamPolicy",
            serviceAccounts.setIamPolicy
        )
        table.add(
            id + "testIamPermissions",
            .post,
            one + ":testIamPermissions",
            requires: nil,
            serviceAccounts.testIamPermissions
        )
        table.lacks(id + "undelete", .post, one + ":undelete")
        table.lacks(id + "signBlob", .post, one + ":signBlob")
        table.lacks(id + "signJwt", .post, one + ":signJwt")

        let key = one + "/keys/{key}"
        let mayKeys = "iam.serviceAccountKeys."
        table.add(id + "keys.create", .post, one + "/keys", requires: mayKeys + "create", keys.create)
        table.add(id + "keys.list", .get, one + "/keys", requires: mayKeys + "list", keys.list)
        table.add(id + "keys.get", .get, key, requires: mayKeys + "get", keys.get)
        table.add(id + "keys.delete", .delete, key, requires: mayKeys + "delete", keys.delete)
        table.add(id + "keys.enable", .post, key + ":enable", requires: mayKeys + "enable", keys.enable)
        table.add(id + "keys.disable", .post, key + ":disable", requires: mayKeys + "disable", keys.disable)
        table.lacks(id + "keys.upload", .post, one + "/keys:upload")

        table.add("iam.roles.list", .get, "/v1/roles", requires: nil, roles.list)
        table.add("iam.roles.get", .get, "/v1/roles/{role}", requires: nil, roles.get)
        table.lacks("iam.projects.roles.list", .get, "/v1/projects/{project}/roles")
        table.lacks("iam.projects.roles.create", .post, "/v1/projects/{project}/roles")
        table.lacks("iam.roles.queryGrantableRoles", .post, "/v1/roles:queryGrantableRoles")
        table.lacks("iam.permissions.queryTestablePermissions", .post, "/v1/permissions:queryTestablePermissions")
        return API(name: "iam", hosts: ["iam.googleapis.com"], prefix: "/iam", table: table)
    }

    private func credentials(authorizer: any Authorizer) -> API {
        let table = MethodTable(authorizer: authorizer)
        let methods = CredentialMethods(store: accounts, server: tokens, now: now)
        let one = "/v1/projects/{project}/serviceAccounts/{account}"
        let id = "iamcredentials.projects.serviceAccounts."
        let may = "iam.serviceAccounts."
        table.add(
            id + "generateAccessToken",
            .post,
            one + ":generateAccessToken",
            requires: may + "getAccessToken",
            methods.generateAccessToken
        )
        table.add(
            id + "generateIdToken",
            .post,
            one + ":generateIdToken",
            requires: may + "getOpenIdToken",
            methods.generateIdToken
        )
        table.add(id + "signJwt", .post, one + ":signJwt", requires: may + "signJwt", methods.signJwt)
        table.add(id + "signBlob", .post, one + ":signBlob", requires: may + "signBlob", methods.signBlob)
        table.add(
            "iamcredentials.projects.serviceAccounts.getAllowedLocations",
            .get,
            one + "/allowedLocations",
            requires: nil,
            methods.allowedLocations
        )
        return API(
            name: "iamcredentials",
            hosts: ["iamcredentials.googleapis.com"],
            prefix: "/iamcredentials",
            table: table
        )
    }

    /// Clients know the token server under several names, and each has paths of its own.
    private func tokenServer(_ name: String, hosts: [String], prefix: String = "", paths: [String] = []) -> API {
        // Nobody asks for permission here: every line requires nil.
        let table = MethodTable(authorizer: NobodyMay())
        let methods = TokenMethods(server: tokens)
        for path in ["/token", "/v4/token", "/oauth2/v4/token", "/oauth2/v3/token", "/o/oauth2/token"] {
            table.add("oauth2.token", .post, path, requires: nil, methods.token)
        }
        for path in ["/tokeninfo", "/oauth2/v1/tokeninfo", "/oauth2/v3/tokeninfo"] {
            table.add("oauth2.tokeninfo", .get, path, requires: nil, methods.tokenInfo)
            table.add("oauth2.tokeninfo", .post, path, requires: nil, methods.tokenInfo)
        }
        for path in [
            "/v1/userinfo", "/v3/userinfo", "/oauth2/v1/userinfo", "/oauth2/v2/userinfo", "/oauth2/v3/userinfo",
        ] {
            table.add("oauth2.userinfo", .get, path, requires: nil, methods.userInfo)
        }
        for path in ["/v1/certs", "/oauth2/v1/certs"] {
            table.add("oauth2.certs", .get, path, requires: nil, methods.certificates)
        }
        for path in ["/v3/certs", "/oauth2/v3/certs"] {
            table.add("oauth2.jwks", .get, path, requires: nil, methods.webKeys)
        }
        table.add(
            "oauth2.robot.x509",
            .get,
            "/robot/v1/metadata/x509/{email}",
            requires: nil,
            methods.accountCertificates
        )
        table.add("oauth2.robot.jwk", .get, "/robot/v1/metadata/jwk/{email}", requires: nil, methods.accountWebKeys)
        table.lacks("oauth2.revoke", .post, "/revoke")
        return API(
            name: name,
            hosts: hosts,
            prefix: prefix,
            paths: paths,
            errors: .oauth,
            authenticator: NoSignIn(),
            table: table
        )
    }
}

private struct NobodyMay: Authorizer {
    func authorize(_ caller: Caller, for permission: String, on resource: ResourceName) async throws {
        throw GoogleError.denied(caller.email ?? "", permission, on: resource)
    }
}
