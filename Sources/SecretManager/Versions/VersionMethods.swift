import APIServer
import BlobStore
import Foundation
import GoogleAPI

/// `secretmanager.projects.secrets.versions`.
struct VersionMethods: Sendable {
    let store: VersionStore
    let secrets: SecretMethods
    let authorizer: any Authorizer
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> String

    func add(_ input: AddVersionInput, _ caller: Caller) async throws -> JSON {
        let secret = try await secrets.find(input.secret, in: input.project)
        let version = try await store.add(
            input.payload,
            to: secret.id,
            at: now(),
            etag: secrets.makeEtag(),
            isChecked: input.isChecked
        )
        return version.document(of: secret)
    }

    /// Newest first.
    func list(_ input: VersionsInput, _ caller: Caller) async throws -> JSON {
        let secret = try await secrets.find(input.secret, in: input.project)
        let state = try input.filter.map(Self.state)
        let all = try await store.list(of: secret.id).filter { state == nil || $0.state == state }
        let after = Int64(input.page.token) ?? .max
        let rest = all.filter { $0.number < after }
        let page = rest.prefix(input.page.size)
        var answer: JSON = ["totalSize": .integer(Int64(all.count))]
        if !page.isEmpty { answer["versions"] = .array(page.map { $0.document(of: secret) }) }
        if rest.count > page.count, let last = page.last { answer["nextPageToken"] = .string("\(last.number)") }
        return answer
    }

    /// The state that a filter such as `state:ENABLED` asks for.
    private static func state(_ filter: String) throws -> SecretVersion.State {
        let word = filter.filter { !"\"' ()".contains($0) }
        guard let match = word.wholeMatch(of: /state[:=]([A-Za-z]+)/),
            let state = SecretVersion.State(rawValue: match.1.uppercased())
        else {
            throw GoogleError.invalidSecret("The filter '\(filter)' is not known: Brume filters versions by 'state'.")
        }
        return state
    }

    func get(_ input: VersionInput, _ caller: Caller) async throws -> JSON {
        let (secret, number) = try await find(input)
        return try await version(number, of: secret).document(of: secret)
    }

    /// The payload, with its checksum.
    func access(_ input: VersionInput, _ caller: Caller) async throws -> JSON {
        let (secret, number) = try await find(input)
        let payload = try await payload(number, of: secret)
        return [
            "name": .string("\(secret.resourceName)/versions/\(number)"),
            "payload": [
                "data": .string(payload.base64EncodedString()), "dataCrc32c": .string(String(CRC32C.of(payload))),
            ],
        ]
    }

    func enable(_ input: VersionInput, _ caller: Caller) async throws -> JSON { try await turn(input, .enabled) }
    func disable(_ input: VersionInput, _ caller: Caller) async throws -> JSON { try await turn(input, .disabled) }

    /// Removes the payload for ever; the version's row stays.
    func destroy(_ input: VersionInput, _ caller: Caller) async throws -> JSON { try await turn(input, .destroyed) }

    /// The payload of a version by its full name, when an account may read it.
    func payload(of name: String, as account: String) async throws -> Data {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0] == "projects", parts[2] == "secrets", parts[4] == "versions" else {
            throw GoogleError.invalidSecret("'\(name)' is no name such as 'projects/P/secrets/S/versions/latest'.")
        }
        let reader = Caller(identity: .account(account), origin: "", requestID: "")
        try await authorizer.authorize(reader, for: "secretmanager.versions.access", on: ResourceName(parts))
        let secret = try await secrets.find(parts[3], in: parts[1])
        return try await payload(try await number(parts[5], of: secret), of: secret)
    }

    // MARK: Parts

    private func turn(_ input: VersionInput, _ state: SecretVersion.State) async throws -> JSON {
        let (secret, number) = try await find(input)
        let name = "\(secret.resourceName)/versions/\(number)"
        let (etag, newEtag, time) = (input.etag, secrets.makeEtag(), now())
        let version = try await store.update(number, of: secret.id) { version in
            guard SecretMethods.fits(etag, version.etag) else { throw GoogleError.secretChanged(name) }
            guard version.state != .destroyed else {
                throw GoogleError.versionState(name, version.state.rawValue)
            }
            guard version.state != state else { return }
            version.state = state
            version.etag = newEtag
            if state == .destroyed { version.destroyTime = time }
        }
        guard let version else { throw GoogleError.versionMissing(name) }
        return version.document(of: secret)
    }

    private func find(_ input: VersionInput) async throws -> (Secret, Int64) {
        let secret = try await secrets.find(input.secret, in: input.project)
        return (secret, try await number(input.version, of: secret))
    }

    private func number(_ version: String, of secret: Secret) async throws -> Int64 {
        if version == "latest" {
            guard let newest = try await store.newest(of: secret.id) else {
                throw GoogleError.noVersions(secret.resourceName)
            }
            return newest
        }
        guard let number = Int64(version) ?? secret.version(aliased: version) else {
            throw GoogleError.versionMissing("\(secret.resourceName)/versions/\(version)")
        }
        return number
    }

    private func version(_ number: Int64, of secret: Secret) async throws -> SecretVersion {
        guard let version = try await store.find(number, of: secret.id) else {
            throw GoogleError.versionMissing("\(secret.resourceName)/versions/\(number)")
        }
        return version
    }

    private func payload(_ number: Int64, of secret: Secret) async throws -> Data {
        let version = try await version(number, of: secret)
        guard version.state == .enabled, let payload = try await store.payload(number, of: secret.id) else {
            throw GoogleError.versionState(version.name(in: secret), version.state.rawValue)
        }
        return payload
    }
}
