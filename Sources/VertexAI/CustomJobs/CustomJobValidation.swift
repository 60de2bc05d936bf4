import GoogleAPI

extension CustomJob {
    /// Reads what a client sent as a job.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400) naming the field and what it may be.
    static func document(from body: JSON) throws -> JSON {
        var document = try FieldShape.customJob.read(body, at: "custom_job")
        for field in FieldShape.outputOnly { document[field] = nil }
        guard let name = document["displayName"]?.string, !name.isEmpty, name.count <= 128 else {
            throw GoogleError.badField("custom_job.display_name", "give 1 to 128 characters.")
        }
        let path = "custom_job.job_spec.worker_pool_specs"
        guard let pools = document["jobSpec"]?["workerPoolSpecs"]?.array, !pools.isEmpty else {
            throw GoogleError.badField(path, "at least one worker pool is needed.")
        }
        guard pools.count <= 4 else { throw GoogleError.badField(path, "four worker pools are the most.") }
        for (index, pool) in pools.enumerated() { try check(pool, index, at: "\(path)[\(index)]") }
        return document
    }

    private static func check(_ pool: JSON, _ index: Int, at path: String) throws {
        let container = pool["containerSpec"]
        let package = pool["pythonPackageSpec"]
        // An empty pool stands for a role that the job does without.
        if container == nil, package == nil, index > 0, pool.object?.isEmpty == true { return }
        guard (container == nil) != (package == nil) else {
            throw GoogleError.badField(path, "exactly one of container_spec and python_package_spec is needed.")
        }
        if let container {
            try need(container["imageUri"], at: "\(path).container_spec.image_uri")
            try check(environment: container["env"], at: "\(path).container_spec.env")
        }
        if let package {
            try need(package["executorImageUri"], at: "\(path).python_package_spec.executor_image_uri")
            try need(package["pythonModule"], at: "\(path).python_package_spec.python_module")
            let packages = package["packageUris"]?.array ?? []
            guard (1...100).contains(packages.count), packages.allSatisfy({ $0.string?.hasPrefix("gs://") == true })
            else { throw GoogleError.badField("\(path).python_package_spec.package_uris", "give 1 to 100 gs:// URIs.") }
            try check(environment: package["env"], at: "\(path).python_package_spec.env")
        }
        let count = pool["replicaCount"]?.integer ?? 1
        guard index == 0 ? count == 1 : (1...1000).contains(count) else {
            let range = index == 0 ? "the first pool has exactly one replica" : "give 1 to 1000"
            throw GoogleError.badField("\(path).replica_count", "\(count) replicas are not possible: \(range).")
        }
        try check(machine: pool["machineSpec"] ?? [:], at: "\(path).machine_spec")
    }

    private static func check(machine spec: JSON, at path: String) throws {
        let name = spec["machineType"]?.string ?? ""
        guard let machine = MachineType.named(name) else {
            throw GoogleError.badField(
                "\(path).machine_type",
                "Machine type \"\(name)\" is not supported for training: use for example n1-standard-4 or e2-standard-4."
            )
        }
        let count = Int(spec["acceleratorCount"]?.integer ?? 0)
        let type = spec["acceleratorType"]?.string ?? "ACCELERATOR_TYPE_UNSPECIFIED"
        guard type != "ACCELERATOR_TYPE_UNSPECIFIED" else {
            guard count == 0 else {
                throw GoogleError.badField(
                    "\(path).accelerator_type",
                    "accelerator_count is \(count), but no type is given."
                )
            }
            if let builtIn = machine.builtIn {
                throw GoogleError.badField(
                    "\(path).accelerator_type",
                    "\"\(name)\" needs accelerator_type \(builtIn.type) and accelerator_count \(builtIn.count)."
                )
            }
            return
        }
        let counts = Accelerator.counts(of: type, on: machine)
        guard !counts.isEmpty else {
            throw GoogleError.badField(
                "\(path).accelerator_type",
                "\"\(type)\" is not supported for machine type \"\(name)\"."
            )
        }
        guard counts.contains(count) else {
            let possible = counts.map(String.init).joined(separator: ", ")
            throw GoogleError.badField(
                "\(path).accelerator_count",
                "\(count) \"\(type)\" are not supported for machine type \"\(name)\": possible are \(possible)."
            )
        }
    }

    private static func check(environment: JSON?, at path: String) throws {
        guard let variables = environment?.array else { return }
        guard variables.count <= 100 else { throw GoogleError.badField(path, "100 variables are the most.") }
        for (index, variable) in variables.enumerated() { try need(variable["name"], at: "\(path)[\(index)].name") }
    }

    private static func need(_ value: JSON?, at path: String) throws {
        guard value?.string?.isEmpty == false else { throw GoogleError.badField(path, "it is required.") }
    }
}
