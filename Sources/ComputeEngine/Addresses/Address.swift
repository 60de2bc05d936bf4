import GRDB
import GoogleAPI
import Workloads

/// A reserved address: its document, where it is taken from, and who has it.
///
/// An external address is one of a range that leads nowhere in any network; the engine leads it to the machine that has
/// it. A machine with no reserved one is reached at its own address. Who has an address is read from the instances:
/// nothing else is told when it changes.
///
/// See [addresses](https://docs.cloud.google.com/compute/docs/reference/rest/v1/addresses).
enum Address {
    /// Half of the range that [RFC 2544](https://www.rfc-editor.org/rfc/rfc2544) keeps from the internet.
    private static let pool = AddressRange("198.19.0.0/16")

    static func isReserved(_ address: String) -> Bool {
        IPv4.number(address).flatMap { pool?.contains($0) } ?? false
    }

    /// The reserved external addresses of an instance: one at most.
    static func reserved(of instance: JSON) -> [String] { AccessConfig.addresses(of: instance).filter(isReserved) }

    // MARK: Reserving

    /// An address of the pool that no project has.
    ///
    /// - Throws: ``GoogleError`` `IP_SPACE_EXHAUSTED` (429).
    static func freeExternal(in db: Database) throws -> String {
        let taken = Set(try ResourceStore.list("addresses", in: db).compactMap { $0.resource["address"]?.string })
        // Beginning anywhere: another cloud on this computer most likely begins elsewhere.
        if let usable = pool?.usable {
            let start = UInt32.random(in: usable)
            for number in [start...usable.upperBound, usable.lowerBound...start].joined() {
                if !taken.contains(IPv4.text(number)) { return IPv4.text(number) }
            }
        }
        throw exhausted("198.19.0.0/16")
    }

    /// An address of a subnetwork that no instance has and nobody has reserved.
    ///
    /// - Throws: ``GoogleError`` (400) for a wanted address that is not to be had; 429 for a full range.
    static func freeInternal(_ wanted: String?, in range: String, of project: String, _ db: Database) throws
        -> String
    {
        let reserved = try ResourceStore.list("addresses", project: project, in: db)
        let taken = Set(reserved.compactMap { $0.resource["address"]?.string } + (try users(in: project, db).keys))
        guard let usable = AddressRange(range)?.usable else { throw exhausted(range) }
        if let wanted {
            guard let number = IPv4.number(wanted), usable.contains(number) else {
                throw GoogleError.invalidField("resource.address", wanted, "It is no usable address of \(range).")
            }
            guard !taken.contains(wanted) else {
                throw GoogleError.invalid("IP '\(wanted)' is already being used by another resource.")
            }
            return wanted
        }
        guard let free = usable.lazy.map(IPv4.text).first(where: { !taken.contains($0) }) else {
            throw exhausted(range)
        }
        return free
    }

    private static func exhausted(_ range: String) -> GoogleError {
        GoogleError(
            .resourceExhausted,
            reason: "IP_SPACE_EXHAUSTED",
            message: "IP space of the range '\(range)' is exhausted."
        )
    }

    /// The internal addresses of a project that instances get only by name.
    static func kept(in project: String, store: ResourceStore) async throws -> Set<String> {
        Set(
            try await store.list("addresses", project: project).compactMap {
                $0.resource["addressType"] == "INTERNAL" ? $0.resource["address"]?.string : nil
            }
        )
    }

    // MARK: Using

    /// The instances of a project by the addresses that they have.
    static func users(in project: String, _ db: Database) throws -> [String: [String]] {
        let sql = """
            SELECT json_extract(document, '$.networkInterfaces[0].accessConfigs[0].natIP'),
                json_extract(document, '$.networkInterfaces[0].networkIP'), json_extract(document, '$.selfLink')
            FROM (
                SELECT CAST(resource AS TEXT) AS document FROM computeResources
                WHERE collection = 'instances' AND project = ?
            )
            """
        return try Row.fetchAll(db, sql: sql, arguments: [project]).reduce(into: [:]) { users, row in
            let addresses: Set = [row[0] as String? ?? "", row[1] as String? ?? ""]
            for address in addresses where !address.isEmpty { users[address, default: []].append(row[2]) }
        }
    }

    /// The instance that has an address; nil: nobody.
    static func user(of address: String, in project: String, _ db: Database) throws -> JSON? {
        guard let link = try users(in: project, db)[address]?.first else { return nil }
        return try ResourceStore.fetch(ResourceKey(ResourceName(parsing: link)), in: db)
    }

    /// An address as it is shown: with those who have it.
    static func shown(_ address: JSON, users: [String: [String]]) -> JSON {
        let links = users[address["address"]?.string ?? ""] ?? []
        var address = address
        address["status"] = links.isEmpty ? "RESERVED" : "IN_USE"
        if !links.isEmpty { address["users"] = .array(links.map { .string($0) }) }
        return address
    }

    /// Refuses an external address that the project has not reserved in the region.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func check(_ asked: String?, in region: Region, of project: String, store: ResourceStore) async throws {
        guard let asked, !asked.isEmpty else { return }
        let own = try await store.list("addresses", project: project, scope: "regions/\(region.name)")
        let isOwn = own.contains { $0.resource["address"]?.string == asked && $0.resource["addressType"] == "EXTERNAL" }
        guard isOwn else {
            throw GoogleError.invalidField(
                "resource.networkInterfaces[0].accessConfigs[0].natIP",
                asked,
                "The specified external IP address was not found in region \(region.name): reserve one first."
            )
        }
    }

    /// Refuses an instance whose reserved address another one has.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func checkFree(for instance: JSON, in project: String, _ db: Database) throws {
        for address in reserved(of: instance) {
            guard let user = try users(in: project, db)[address]?.first, user != instance["selfLink"]?.string else {
                continue
            }
            throw GoogleError.invalid(
                "External IP address: \(address) is already in-use by '\(ResourceName(parsing: user))'."
            )
        }
    }
}

/// How an instance is reached from outside its network.
enum AccessConfig {
    static func completed(_ asked: JSON) -> JSON {
        var config = asked
        config["kind"] = "compute#accessConfig"
        config["type"] = "ONE_TO_ONE_NAT"
        config["name"] = asked["name"] ?? "External NAT"
        config["networkTier"] = asked["networkTier"] ?? "PREMIUM"
        return config
    }

    /// Applies a merge patch to what may be changed of an access configuration.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) naming what stays as it is.
    static func update(_ config: inout JSON, with patch: JSON) throws {
        for field in ["natIP", "type"] {
            guard let asked = patch[field], !asked.isNull, asked != config[field] else { continue }
            throw GoogleError.invalidField(
                "accessConfig.\(field)",
                asked.string ?? "",
                "It cannot be changed: delete the access config and add another one."
            )
        }
        if let tier = patch["networkTier"]?.string, !["PREMIUM", "STANDARD"].contains(tier) {
            throw GoogleError.invalidField("accessConfig.networkTier", tier, "It must be PREMIUM or STANDARD.")
        }
        let wantsName = patch["setPublicPtr"]?.bool
        let domain = patch["publicPtrDomainName"]?.string ?? ""
        guard wantsName != true || !domain.isEmpty else {
            throw GoogleError.fieldMissing("accessConfig.publicPtrDomainName")
        }
        config.merge(patch)
        if wantsName == false || patch["publicPtrDomainName"]?.string == "" {
            config["setPublicPtr"] = .none
            config["publicPtrDomainName"] = .none
        }
    }

    /// Without a reserved address a machine is reached from this computer at its own.
    static func addressed(_ config: JSON, at address: String) -> JSON {
        var config = config
        if !Address.isReserved(config["natIP"]?.string ?? "") { config["natIP"] = .string(address) }
        return config
    }

    /// Gives an instance's access configurations the addresses that go with its status: who is off has a reserved one at
    /// most.
    ///
    /// See [ephemeral addresses](https://docs.cloud.google.com/compute/docs/ip-addresses#ephemeraladdress).
    static func settle(_ instance: inout JSON) {
        guard var interface = instance["networkInterfaces"]?[0], let configs = interface["accessConfigs"]?.array else {
            return
        }
        let own = interface["networkIP"]?.string ?? ""
        let isOff = instance["status"]?.string == "TERMINATED"
        interface["accessConfigs"] = .array(
            configs.map { config in
                guard isOff else { return own.isEmpty ? config : addressed(config, at: own) }
                var config = config
                if !Address.isReserved(config["natIP"]?.string ?? "") { config["natIP"] = .none }
                return config
            }
        )
        instance["networkInterfaces"] = [interface]
    }

    static func addresses(of instance: JSON) -> [String] {
        (instance["networkInterfaces"]?[0]?["accessConfigs"]?.array ?? []).compactMap { $0["natIP"]?.string }
    }
}
