import NIOCore
import Workloads

/// What the log says around the output of steps, in Cloud Build's words.
///
/// With one step nothing is prefixed; with more, every line says which step printed it.
actor StepProgress {
    struct Step {
        var name: String
        var image: ImageReference
        var title: String
        var hasBegun = false
        var prefix: LinePrefix
    }

    private let log: BuildLog
    private var steps: [Step]
    private let isPlain: Bool

    init(_ steps: [(name: String, image: ImageReference, id: String?)], log: BuildLog) {
        self.log = log
        isPlain = steps.count == 1
        let isPlain = isPlain
        self.steps = steps.enumerated().map { index, step in
            let title = "Step #\(index)" + (step.id.map { " - \"\($0)\"" } ?? "")
            return Step(
                name: step.name,
                image: step.image,
                title: title,
                prefix: LinePrefix(isPlain ? "" : "\(title): ")
            )
        }
    }

    /// The first step of an image that has not begun is the one for which the image is fetched.
    func fetching(_ image: ImageReference) async {
        guard let index = steps.firstIndex(where: { $0.image == image && !$0.hasBegun }) else { return }
        await begin(index, saying: "Pulling image: \(image)")
    }

    func fetched(_ image: ImageReference, _ line: String) async {
        let index = steps.firstIndex { $0.image == image }
        await log.line((isPlain ? "" : index.map { "\(steps[$0].title): " } ?? "") + line)
    }

    func begin(_ name: String) async {
        guard let index = steps.firstIndex(where: { $0.name == name }), !steps[index].hasBegun else { return }
        await begin(index, saying: "Already have image (with digest): \(steps[index].image.written)")
    }

    func print(_ bytes: ByteBuffer, by name: String) async {
        guard let index = steps.firstIndex(where: { $0.name == name }) else { return }
        await begin(name)
        await log.append(steps[index].prefix.apply(bytes))
    }

    func end(_ name: String, isGood: Bool) async {
        guard let index = steps.firstIndex(where: { $0.name == name }) else { return }
        if let lineEnd = steps[index].prefix.end() { await log.append(lineEnd) }
        if isGood, !isPlain { await log.line("Finished \(steps[index].title)") }
    }

    private func begin(_ index: Int, saying line: String) async {
        steps[index].hasBegun = true
        if !isPlain { await log.line("Starting \(steps[index].title)") }
        await log.line((isPlain ? "" : "\(steps[index].title): ") + line)
    }
}

extension ImageReference {
    /// Without the tag that was added to a name without one.
    var written: String { tag == "latest" ? repository : text }
}
