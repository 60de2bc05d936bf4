// swift-tools-version:6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// What targets may import of other packages, by the name that `import` uses.
extension Target.Dependency {
    static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
    static let x509 = product(name: "X509", package: "swift-certificates")
    static let swiftASN1 = product(name: "SwiftASN1", package: "swift-asn1")
    static let crypto = product(name: "Crypto", package: "swift-crypto")
    static let cryptoExtras = product(name: "CryptoExtras", package: "swift-crypto")
    static let httpTypes = product(name: "HTTPTypes", package: "swift-http-types")
    static let logging = product(name: "Logging", package: "swift-log")
    static let nioCore = product(name: "NIOCore", package: "swift-nio")
    static let nioConcurrencyHelpers = product(name: "NIOConcurrencyHelpers", package: "swift-nio")
    static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
    static let nioEmbedded = product(name: "NIOEmbedded", package: "swift-nio")
    static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
    static let nioWebSocket = product(name: "NIOWebSocket", package: "swift-nio")
    static let nioHTTP2 = product(name: "NIOHTTP2", package: "swift-nio-http2")
    static let nioTLS = product(name: "NIOTLS", package: "swift-nio")
    static let nioSSL = product(name: "NIOSSL", package: "swift-nio-ssl")
    static let nioHTTPTypes = product(name: "NIOHTTPTypes", package: "swift-nio-extras")
    static let nioHTTPTypesHTTP1 = product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
    static let grdb = product(name: "GRDB", package: "GRDB.swift")
    static let hummingbird = product(name: "Hummingbird", package: "hummingbird")
    static let hummingbirdHTTP2 = product(name: "HummingbirdHTTP2", package: "hummingbird")
    static let asyncHTTPClient = product(name: "AsyncHTTPClient", package: "async-http-client")
    static let yams = product(name: "Yams", package: "Yams")
    static let serviceLifecycle = product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")
}

func module(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// What every Google service is made of.
let anatomy: [Target.Dependency] = [
    "GoogleAPI", "APIServer", "MetadataStore", .grdb, .hummingbird, .httpTypes, .nioCore, .logging,
]

let package = Package(
    name: "brume",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Values.
        module("GoogleAPI", []),

        // Foundations: what services stand on.
        module("Billing", []),
        module("SecretFile", []),
        module("APIServer", ["GoogleAPI", .hummingbird, .httpTypes, .logging, .nioCore],
            resources: [.copy("RemoteProcedures/Tables")]),
        module("Relaying", [.nioCore]),
        module("Gateway", ["Relaying", "SecretFile", .hummingbird, .hummingbirdHTTP2, .httpTypes, .logging, .nioCore, .nioPosix, .nioHTTP1,
            .nioTLS, .nioSSL, .nioWebSocket, .nioHTTPTypes, .nioHTTPTypesHTTP1, .x509, .swiftASN1, .crypto]),
        module("MetadataStore", ["GoogleAPI", .grdb]),
        .systemLibrary(name: "CAllocator"),
        .systemLibrary(name: "CZlib"),
        module("Compression", ["GoogleAPI", "CZlib", .nioCore]),
        .target(name: "CBlobStore", cSettings: [.unsafeFlags(["-O3"])]),
        module("BlobStore", ["GoogleAPI", "CBlobStore", .crypto, .nioConcurrencyHelpers, .nioCore, .nioPosix]),
        module("Operations", ["GoogleAPI", "MetadataStore", .grdb, .logging, .serviceLifecycle]),
        module("HostPrograms", [.nioCore, .nioPosix]),
        module("Workloads", ["GoogleAPI", .nioCore]),
        module("ImageCatalogue", ["GoogleAPI", "HostPrograms", "Workloads", .logging, .nioCore, .nioPosix],
            resources: [.copy("Recipes"), .copy("GuestTools"), .copy("VirtualMachine")]),
        module("Guests", ["GoogleAPI", "MetadataStore", "Workloads", .crypto, .grdb, .hummingbird, .httpTypes, .logging, .nioCore,
            .nioPosix, .serviceLifecycle]),

        // Engines.
        .target(name: "CDockerEngine"),
        module("DockerEngine", ["CDockerEngine", "GoogleAPI", "HostPrograms", "Relaying", "Workloads", .yams, .httpTypes, .logging, .nioCore, .nioPosix, .nioHTTP1,
            .serviceLifecycle]),
        module("SimulatedEngine", ["Workloads", .nioCore]),

        // One target per Google service; none imports another.
        module("IAM", anatomy + ["SecretFile", .crypto, .cryptoExtras, .swiftASN1, .x509]),
        module("ResourceManager", anatomy),
        module("ServiceUsage", anatomy),
        module("CloudBilling", anatomy + ["Billing"]),
        module("CloudStorage", anatomy + ["Billing", "BlobStore", "Compression", .crypto, .nioConcurrencyHelpers]),
        module("ArtifactRegistry", anatomy + ["BlobStore", "Operations", .crypto]),
        module("ComputeEngine", anatomy + ["Billing", "Operations", "Workloads", "Guests", "ImageCatalogue", .yams, .serviceLifecycle]),
        module("CloudBuild", anatomy + ["Billing", "Compression", "Operations", "Workloads", "Guests", "ImageCatalogue", .crypto, .yams, .serviceLifecycle]),
        module("SourceRepositories", anatomy + ["HostPrograms", .nioPosix, .serviceLifecycle]),
        module("CloudLogging", anatomy),
        module("OSLogin", anatomy + [.crypto]),
        module("SecretManager", anatomy + ["BlobStore"]),
        module("VertexAI", anatomy + ["Billing", "Operations", "Workloads", "Guests", "ImageCatalogue", .serviceLifecycle]),

        // The one place where parts are joined, and the command line.
        module("BrumeServer", ["CAllocator", "GoogleAPI", "APIServer", "Gateway", "MetadataStore", "BlobStore", "Operations", "Workloads",
            "ImageCatalogue", "Guests", "DockerEngine", "SimulatedEngine", "IAM", "ResourceManager", "ServiceUsage", "CloudBilling",
            "CloudStorage", "ArtifactRegistry", "ComputeEngine", "CloudBuild", "CloudLogging", "OSLogin", "SecretManager", "SourceRepositories", "VertexAI", "SecretFile",
            .asyncHTTPClient, .grdb, .httpTypes, .hummingbird, .logging, .nioCore, .nioHTTP1, .nioPosix, .serviceLifecycle, .unixSignals]),
        .executableTarget(name: "brume", dependencies: ["Billing", "BrumeServer", "GoogleAPI", .argumentParser, .logging],
            resources: [.copy("Demo/Material")], swiftSettings: strict),

        // What small reads are measured against.
        .executableTarget(name: "hello", dependencies: [.hummingbird], path: "Benchmarks/hello", swiftSettings: strict),

        // Tests.
        module("BrumeTesting", ["GoogleAPI", "APIServer", .hummingbird, .httpTypes, .logging, .nioCore, .nioEmbedded]),
        tests("GoogleAPITests", ["GoogleAPI"]),
        tests("APIServerTests", ["APIServer", "BrumeTesting", "GoogleAPI", .httpTypes]),
        tests("GatewayTests", ["Gateway", "BrumeTesting", .hummingbird, .httpTypes, .logging, .nioCore, .nioPosix, .nioSSL, .serviceLifecycle]),
        tests("BlobStoreTests", ["GoogleAPI", "BlobStore", "BrumeTesting", .nioCore]),
        tests("OperationsTests", ["Operations", "MetadataStore", "BrumeTesting", "GoogleAPI", .grdb, .logging]),
        tests("CompressionTests", ["Compression", "GoogleAPI", .nioCore]),
        tests("GuestsTests", ["Guests", "GoogleAPI", "MetadataStore", "SimulatedEngine", "Workloads", "BrumeTesting", .logging, .nioCore, .nioPosix]),
        tests("ImageCatalogueTests", ["ImageCatalogue", "SimulatedEngine", "Workloads", "BrumeTesting", .logging, .nioCore, .nioPosix]),
        tests("DockerEngineTests", ["DockerEngine", "GoogleAPI", "Workloads", .nioHTTP1]),
        tests("SimulatedEngineTests", ["SimulatedEngine", "Workloads", .nioCore]),
        tests("IAMTests", ["GoogleAPI", "APIServer", "IAM", "BrumeTesting", "MetadataStore", .crypto, .cryptoExtras,
            .grdb, .httpTypes]),
        tests("ResourceManagerTests", ["GoogleAPI", "APIServer", "ResourceManager", "ServiceUsage", "BrumeTesting",
            "MetadataStore", .grdb]),
        tests("CloudStorageTests", ["GoogleAPI", "APIServer", "CloudStorage", "BrumeTesting", "MetadataStore", "BlobStore",
            .crypto, .httpTypes, .nioCore]),
        tests("ArtifactRegistryTests", ["ArtifactRegistry", "BrumeTesting", "MetadataStore", "BlobStore", "Operations",
            "APIServer", "GoogleAPI", .crypto, .httpTypes, .logging]),
        tests("ComputeEngineTests", ["Billing", "ComputeEngine", "SimulatedEngine", "BrumeTesting", "MetadataStore", "Operations", "APIServer",
            "GoogleAPI", "Guests", "ImageCatalogue", "Workloads", .grdb, .httpTypes, .logging, .serviceLifecycle]),
        tests("CloudBuildTests", ["CloudBuild", "SimulatedEngine", "BrumeTesting", "MetadataStore", "Workloads",
            "APIServer", "GoogleAPI", .grdb, .nioCore, .logging, .serviceLifecycle]),
        tests("SourceRepositoriesTests", ["SourceRepositories", "APIServer", "GoogleAPI", "BrumeTesting", "MetadataStore", .grdb, .httpTypes,
            .logging, .serviceLifecycle]),
        tests("OSLoginTests", ["OSLogin", "APIServer", "GoogleAPI", "BrumeTesting", "MetadataStore"]),
        tests("SecretManagerTests", ["SecretManager", "APIServer", "GoogleAPI", "BrumeTesting", "MetadataStore"]),
        tests("CloudLoggingTests", ["CloudLogging", "APIServer", "GoogleAPI", "BrumeTesting", "MetadataStore", .httpTypes]),
        tests("VertexAITests", ["VertexAI", "SimulatedEngine", "BrumeTesting", "MetadataStore", "Operations", "APIServer", "GoogleAPI",
            "Workloads", .httpTypes, .logging, .serviceLifecycle]),
        tests("BillingTests", ["Billing"]),
        tests("CloudBillingTests", ["APIServer", "Billing", "BrumeTesting", "CloudBilling", "GoogleAPI", "MetadataStore", .httpTypes]),
        tests("BrumeServerTests", ["BrumeServer", "BrumeTesting"]),
        .testTarget(name: "Integration", dependencies: ["DockerEngine", "SimulatedEngine", "Workloads", "BrumeTesting", .logging, .nioCore, .nioPosix],
            path: "Tests/Integration", swiftSettings: strict),
    ]
)
