import ArgumentParser
import BrumeServer
import Foundation

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Walks from an empty bucket to a trained model, with Google's own commands.",
        discussion: """
            Prints every command before it runs it, checks each result, and exits with 1 at the first wrong one.
            Steps whose client is not installed are skipped and counted.

            Examples:
              brume demo
              brume demo --folder my-demo      keeps the working folder to look at
            """
    )

    @OptionGroup var cloud: CloudOptions
    @Option(help: "The working folder (default: a new temporary one).")
    var folder: String?

    func run() async throws {
        let (data, daemon) = try cloud.runningCloud()
        let work = URL(
            filePath: folder ?? "\(NSTemporaryDirectory())brume-demo-\(ProcessInfo.processInfo.processIdentifier)"
        )
        try Material.copy(to: work)
        let shell = DemoShell(
            folder: work.path,
            environment: try EnvironmentSwitch(data: data, daemon: daemon)
                .applied(to: ProcessInfo.processInfo.environment)
        )
        let project = shell.environment["CLOUDSDK_CORE_PROJECT"] ?? ""
        let journey = Journey(project: project, suffix: String(Int.random(in: 0x1000...0xffff), radix: 16))
        var storyteller = Storyteller(shell: shell)
        print("The journey, in project \(project). Working folder: \(work.path)")
        for chapter in journey.chapters { try storyteller.tell(chapter) }
        storyteller.finish()
        if folder == nil { try? FileManager.default.removeItem(at: work) }
    }
}

/// The files that the journey works with: the trainer, its build and job configurations, two small scripts.
private enum Material {
    static func copy(to folder: URL) throws {
        guard let material = Bundle.module.url(forResource: "Material", withExtension: nil) else {
            throw SettingError("the demo's files are not beside this program: build it with 'make'")
        }
        try copy(material, to: folder)
    }

    /// The files alone, without their owners: an ordinary user may run what another one installed.
    private static func copy(_ source: URL, to target: URL) throws {
        guard source.hasDirectoryPath else {
            try Data(contentsOf: source).write(to: target, options: .atomic)
            return
        }
        try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
        for item in try FileManager.default.contentsOfDirectory(
            at: source,
            includingPropertiesForKeys: [.isDirectoryKey]
        ) { try copy(item, to: target.appending(path: item.lastPathComponent)) }
    }
}
