extension FieldShape {
    static let environment = FieldShape.list(.message(["name": .string, "value": .string]))

    static let workerPool = FieldShape.message([
        "containerSpec": .message([
            "imageUri": .string, "command": .list(.string), "args": .list(.string), "env": environment,
        ]),
        "pythonPackageSpec": .message([
            "executorImageUri": .string, "packageUris": .list(.string), "pythonModule": .string,
            "args": .list(.string), "env": environment,
        ]),
        "machineSpec": .message([
            "machineType": .string, "acceleratorType": .choice(Accelerator.names), "acceleratorCount": .int32,
            "tpuTopology": .string, "reservationAffinity": .anything, "gpuPartitionSize": .string,
        ]),
        "replicaCount": .int64,
        "diskSpec": .message(["bootDiskType": .string, "bootDiskSizeGb": .int32]),
        "nfsMounts": .list(.message(["server": .string, "path": .string, "mountPoint": .string])),
        "lustreMounts": .list(.anything),
    ])

    /// [CustomJobSpec](https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1/CustomJobSpec).
    static let customJobSpec = FieldShape.message([
        "workerPoolSpecs": .list(workerPool),
        "scheduling": .message([
            "timeout": .duration, "restartJobOnWorkerRestart": .boolean, "disableRetries": .boolean,
            "maxWaitDuration": .duration,
            "strategy": .choice([
                0: "STRATEGY_UNSPECIFIED", 1: "ON_DEMAND", 2: "LOW_COST", 3: "STANDARD", 4: "SPOT", 6: "FLEX_START",
            ]),
        ]),
        "serviceAccount": .string, "network": .string, "reservedIpRanges": .list(.string),
        "pscInterfaceConfig": .anything, "baseOutputDirectory": .message(["outputUriPrefix": .string]),
        "protectedArtifactLocationId": .string, "tensorboard": .string, "enableWebAccess": .boolean,
        "enableDashboardAccess": .boolean, "experiment": .string, "experimentRun": .string,
        "models": .list(.string), "persistentResourceId": .string,
    ])

    /// [CustomJob](https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs);
    /// what only the server sets is read and dropped.
    static let customJob = FieldShape.message([
        "name": .string, "displayName": .string, "jobSpec": customJobSpec, "labels": .map,
        "encryptionSpec": .message(["kmsKeyName": .string]),
        "state": .anything, "createTime": .anything, "startTime": .anything, "endTime": .anything,
        "updateTime": .anything, "error": .anything, "webAccessUris": .anything, "satisfiesPzs": .anything,
        "satisfiesPzi": .anything,
    ])

    static let outputOnly = [
        "name", "state", "createTime", "startTime", "endTime", "updateTime", "error", "webAccessUris",
        "satisfiesPzs", "satisfiesPzi",
    ]
}
