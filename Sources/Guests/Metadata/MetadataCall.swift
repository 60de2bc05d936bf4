import Crypto
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// One question to the metadata server.
struct MetadataCall {
    let guests: Guests
    let network: String
    let request: Request
    let peer: String?

    /// Who asks, and the name by which its changes are rung.
    private struct Asker {
        var owner: String
        var guest: Guest
        var isAdmitted: Bool
    }

    private enum Question {
        case tree(path: [String], hasSlash: Bool)
        case token(account: String)
        case identity(account: String)
        case guestAttributes(path: [String])
    }

    func answer() async throws -> Response {
        let path = String((request.head.path ?? "/").prefix { $0 != "?" })
        if path == "/" { return MetadataAnswer.text("0.1/\ncomputeMetadata/\n") }
        guard isMeant else { throw MetadataRefusal.missingFlavor }
        if let name = HTTPField.Name("X-Forwarded-For"), request.headers[name] != nil {
            throw MetadataRefusal.forwarded
        }
        let segments = path.split(separator: "/").map { String($0).removingPercentEncoding ?? String($0) }
        guard segments.first == "computeMetadata" else { throw MetadataRefusal.notFound(path) }
        if segments.count == 1 { return MetadataAnswer.text("v1/\n") }
        guard segments[1] == "v1" || segments[1] == "v1beta1" else { throw MetadataRefusal.notFound(path) }
        switch question(Array(segments.dropFirst(2)), hasSlash: path.hasSuffix("/")) {
        case .tree(let path, let hasSlash): return try await answerTree(path, hasSlash: hasSlash)
        case .token(let account): return try await answerToken(account)
        case .identity(let account): return try await answerIdentity(account)
        case .guestAttributes(let path): return try await answerGuestAttributes(path)
        }
    }

    /// Whether the request says that it is for a metadata server, which one that was led astray does not. The older of the
    /// two ways is what the first clients say.
    private var isMeant: Bool {
        if let flavor = MetadataAnswer.flavor, request.headers[flavor]?.lowercased() == "google" { return true }
        return HTTPField.Name("X-Google-Metadata-Request").flatMap { request.headers[$0] }?.lowercased() == "true"
    }

    private func question(_ path: [String], hasSlash: Bool) -> Question {
        if path.starts(with: ["instance", "service-accounts"]), path.count == 4 {
            if path[3] == "token" { return .token(account: path[2]) }
            if path[3] == "identity" { return .identity(account: path[2]) }
        }
        if path.starts(with: ["instance", "guest-attributes"]) {
            return .guestAttributes(path: Array(path.dropFirst(2)))
        }
        return .tree(path: path, hasSlash: hasSlash)
    }

    private func asker() async throws -> Asker {
        if let peer, let row = try await guests.store.guest(network: network, address: peer) {
            return Asker(owner: row.owner, guest: try row.decoded(), isAdmitted: true)
        }
        guard let data = try await guests.store.network(network)?.defaultGuest else {
            throw MetadataRefusal.unknownGuest
        }
        let guest = try JSONCoding.decoder.decode(Guest.self, from: data)
        return Asker(owner: Guests.defaultOwner(network), guest: guest, isAdmitted: false)
    }

    private func parameter(_ name: String) -> String? {
        request.uri.queryParameters[name[...]].map { String($0) }
    }

    private func flag(_ name: String) -> Bool { parameter(name)?.lowercased() == "true" }

    // MARK: The tree

    private func answerTree(_ path: [String], hasSlash: Bool) async throws -> Response {
        guard request.method == .get || request.method == .head else {
            throw MetadataRefusal(status: .methodNotAllowed, text: "The metadata server is read by GET.")
        }
        if flag("wait_for_change") { return try await answerWhenChanged(path, hasSlash: hasSlash) }
        return try render(try await asker().guest, path, hasSlash: hasSlash).response
    }

    private struct Rendering {
        var response: Response
        var etag: String
    }

    private func render(_ guest: Guest, _ path: [String], hasSlash: Bool) throws -> Rendering {
        let place = "/computeMetadata/v1/" + path.joined(separator: "/")
        guard let node = guest.metadata.node(at: path) else { throw MetadataRefusal.notFound(place) }
        let isRecursive = flag("recursive")
        var text: String
        var isJSON = false
        switch node {
        case .folder(let folder, let isVerbatim):
            if isRecursive || parameter("alt") == "json" {
                isJSON = parameter("alt") != "text"
                text = try isJSON ? Self.json(folder) : MetadataTree.flat(folder, isVerbatim: isVerbatim)
            } else if !hasSlash, !path.isEmpty {
                let host = request.head.authority ?? WellKnown.metadataName
                return Rendering(
                    response: MetadataAnswer.text(
                        "\(place)/\n",
                        status: .movedPermanently,
                        headers: [.location: "http://\(host)\(place)/"]
                    ),
                    etag: ""
                )
            } else {
                let isAccount = path.count == 3 && path.starts(with: ["instance", "service-accounts"])
                // Made when they are asked for, so they are listed and in no document.
                text = MetadataTree.listing(
                    folder,
                    isVerbatim: isVerbatim,
                    besides: isAccount ? ["identity", "token"] : []
                )
            }
        case .value(let value, let name):
            isJSON = parameter("alt") == "json"
            text = try isJSON ? Self.json(value) : MetadataTree.text(value, name: name)
        }
        let etag = SHA256.hash(data: Data(text.utf8)).prefix(8).map { String(UInt16($0) + 256, radix: 16).dropFirst() }
            .joined()
        let type = isJSON ? "application/json" : "application/text"
        return Rendering(
            response: MetadataAnswer.text(text, type: type, headers: [.eTag: etag]),
            etag: etag
        )
    }

    private static func json(_ value: JSON) throws -> String { String(decoding: try value.data(), as: UTF8.self) }

    /// Waits for the value to differ from `last_etag`, or from what it is now.
    private func answerWhenChanged(_ path: [String], hasSlash: Bool) async throws -> Response {
        let timeout = parameter("timeout_sec").flatMap { Int($0) }
        let first = try await asker()
        var known = parameter("last_etag") ?? ""
        if known.isEmpty { known = try render(first.guest, path, hasSlash: hasSlash).etag }
        return try await withThrowingTaskGroup(of: Response?.self) { [known] tasks in
            tasks.addTask { try await changed(path, hasSlash: hasSlash, from: known, owner: first.owner) }
            if let timeout, timeout > 0 {
                tasks.addTask {
                    try await Task.sleep(for: .seconds(min(timeout, 3600)))
                    return nil
                }
            }
            defer { tasks.cancelAll() }
            if let response = try await tasks.next() ?? nil { return response }
            return try render(try await asker().guest, path, hasSlash: hasSlash).response
        }
    }

    private func changed(_ path: [String], hasSlash: Bool, from known: String, owner: String) async throws -> Response {
        while true {
            try Task.checkCancellation()
            let count = guests.bell.count(owner)
            let current = try render(try await asker().guest, path, hasSlash: hasSlash)
            if current.etag != known { return current.response }
            await guests.bell.wait(owner, after: count)
        }
    }

    // MARK: Tokens

    private func account(_ name: String, of guest: Guest) throws -> String {
        guard let email = guest.serviceAccount, name == "default" || name == email else {
            throw MetadataRefusal.notFound("instance/service-accounts/\(name)/")
        }
        return email
    }

    private func answerToken(_ name: String) async throws -> Response {
        let guest = try await asker().guest
        let email = try account(name, of: guest)
        let wanted = parameter("scopes")?.split(separator: ",").map { String($0) } ?? []
        let lifetime = 3599
        let token = try await guests.tokens.accessToken(
            for: email,
            scopes: guest.scopes(among: wanted),
            lifetime: .seconds(lifetime)
        )
        let document: JSON = [
            "access_token": .string(token), "expires_in": .integer(Int64(lifetime)), "token_type": "Bearer",
        ]
        return MetadataAnswer.text(try Self.json(document), type: "application/json")
    }

    private func answerIdentity(_ name: String) async throws -> Response {
        let guest = try await asker().guest
        let email = try account(name, of: guest)
        guard let audience = parameter("audience"), !audience.isEmpty else {
            throw MetadataRefusal.invalid("non-empty audience parameter required")
        }
        let claims = parameter("format") == "full" ? guest.identityClaims : [:]
        let token = try await guests.tokens.identityToken(for: email, audience: audience, claims: claims)
        return MetadataAnswer.text(token, type: "text/html")
    }

    // MARK: Guest attributes

    private func answerGuestAttributes(_ path: [String]) async throws -> Response {
        let asker = try await asker()
        guard asker.isAdmitted, asker.guest.allowsGuestAttributes else { throw MetadataRefusal.attributesDisabled }
        switch (request.method, path.count) {
        case (.get, _):
            return try await readGuestAttributes(path, owner: asker.owner)
        case (.put, 2):
            let body = try await request.body.collect(upTo: 256 << 10)
            try await guests.store.set(
                GuestAttribute(owner: asker.owner, namespace: path[0], key: path[1], value: String(buffer: body))
            )
            return MetadataAnswer.text("")
        case (.delete, 2):
            try await guests.store.removeAttribute(owner: asker.owner, namespace: path[0], key: path[1])
            return MetadataAnswer.text("")
        default:
            throw MetadataRefusal.invalid("A guest attribute is written by PUT to guest-attributes/NAMESPACE/KEY.")
        }
    }

    private func readGuestAttributes(_ path: [String], owner: String) async throws -> Response {
        let found = try await guests.store.attributes(
            owner: owner,
            namespace: path.first,
            key: path.count > 1 ? path[1] : nil
        )
        if path.count == 2, let attribute = found.first { return MetadataAnswer.text(attribute.value) }
        guard path.count < 2, path.isEmpty || !found.isEmpty else {
            throw MetadataRefusal.notFound("instance/guest-attributes/" + path.joined(separator: "/"))
        }
        var tree: JSON = [:]
        for attribute in found {
            var namespace = tree[attribute.namespace] ?? [:]
            namespace[attribute.key] = .string(attribute.value)
            tree[attribute.namespace] = namespace
        }
        let folder = path.first.flatMap { tree[$0] } ?? tree
        if flag("recursive") { return MetadataAnswer.text(try Self.json(folder), type: "application/json") }
        return MetadataAnswer.text(MetadataTree.listing(folder, isVerbatim: true))
    }
}
