import APIServer
import GoogleAPI

// How an instance gets and loses its external address.
extension InstanceMethods {
    /// Gives an instance an external address: a reserved one, or its own.
    ///
    /// - Throws: ``GoogleError`` (400) for an instance that has one, and for an address that is not to be had.
    func addAccessConfig(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        let key = try await rows.key(input)
        try Self.checkInterface(input)
        let config = AccessConfig.completed(input.body)
        guard let region = key.zone.flatMap(Region.ofZone) else {
            throw GoogleError.unknownZone(key.zone ?? "", project: key.project)
        }
        let asked = config["natIP"]?.string
        try await Address.check(asked, in: region, of: key.project, store: rows.store)
        return try await rows.changes.change(
            "compute.instances.addAccessConfig",
            key,
            by: caller,
            input: ["natIP": config["natIP"] ?? ""]
        ) { db in
            let instance = try ResourceStore.update(key, in: db) { instance in
                var interface = instance["networkInterfaces"]?[0] ?? [:]
                guard interface["accessConfigs"]?.array?.isEmpty ?? true else {
                    throw GoogleError.invalid("At most one access config currently supported.")
                }
                let address = interface["networkIP"]?.string ?? ""
                interface["accessConfigs"] = [address.isEmpty ? config : AccessConfig.addressed(config, at: address)]
                instance["networkInterfaces"] = [interface]
            }
            try Address.checkFree(for: instance, in: key.project, db)
            return instance
        }
    }

    /// Takes an instance's external address; a reserved one stays reserved.
    ///
    /// - Throws: ``GoogleError`` (400) for a name that is none of its access configurations'.
    func deleteAccessConfig(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try Self.checkInterface(input)
        let name = input.query["accessConfig"] ?? ""
        let present = try await rows.store.get(try await rows.key(input))
        let address = AccessConfig.addresses(of: present).first ?? ""
        return try await rows.update("deleteAccessConfig", input, by: caller, input: ["natIP": .string(address)]) {
            instance in
            var interface = instance["networkInterfaces"]?[0] ?? [:]
            let configs = interface["accessConfigs"]?.array ?? []
            guard configs.contains(where: { $0["name"]?.string == name }) else {
                throw GoogleError.invalidField("accessConfig", name, "The instance has no access config of this name.")
            }
            interface["accessConfigs"] = .array(configs.filter { $0["name"]?.string != name })
            instance["networkInterfaces"] = [interface]
        }
    }

    /// Changes what is said of an instance's external address; the address itself is taken and given.
    ///
    /// - Throws: ``GoogleError`` (400) for another address, and for an instance without an external one.
    func updateAccessConfig(_ input: ChangeInput, as caller: Caller) async throws -> JSON {
        try Self.checkInterface(input)
        return try await rows.update("updateAccessConfig", input, by: caller) { instance in
            var interface = instance["networkInterfaces"]?[0] ?? [:]
            guard var config = interface["accessConfigs"]?[0] else {
                throw GoogleError.invalid("The instance has no access config to update.")
            }
            try AccessConfig.update(&config, with: input.body)
            interface["accessConfigs"] = [config]
            instance["networkInterfaces"] = [interface]
        }
    }

    private static func checkInterface(_ input: ChangeInput) throws {
        let name = input.query["networkInterface"] ?? "nic0"
        guard name == "nic0" else {
            throw GoogleError.invalidField("networkInterface", name, "The instance has one interface, nic0.")
        }
    }
}
