import ArgumentParser
import Foundation

/// A part of the journey: what is done, and with which clients.
struct Chapter {
    var title: String
    /// Programs without which the chapter is skipped.
    var clients: [String]
    var steps: [Step]
}

/// One command as a user types it, and how its result is known to be right.
struct Step {
    var command: String
    var check: (DemoShell.Result) throws -> String

    /// - Parameter check: Returns what was found right; throws ``WrongResult`` otherwise.
    init(_ command: String, check: @escaping (DemoShell.Result) throws -> String) {
        self.command = command
        self.check = check
    }

    /// A command that is right when it exits with 0.
    init(_ command: String) {
        self.init(command) { _ in "done" }
    }

    /// A command that is right when it exits with 0 and prints something.
    init(_ command: String, prints expected: String) {
        self.init(command) { result in
            guard result.output.contains(expected) else {
                throw WrongResult("expected '\(expected)' in what the command prints")
            }
            return "prints '\(expected)'"
        }
    }
}

struct WrongResult: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// Tells the journey: prints each command, runs it, checks it, and keeps count.
struct Storyteller {
    private let shell: DemoShell
    private var passed = 0
    private var skipped = 0

    init(shell: DemoShell) { self.shell = shell }

    /// - Throws: `ExitCode(1)` at the first step that is wrong.
    mutating func tell(_ chapter: Chapter) throws {
        print("\n== \(chapter.title)")
        let missing = chapter.clients.filter { !shell.has($0) }
        guard missing.isEmpty else {
            skipped += chapter.steps.count
            return print(
                "   skipped: \(missing.joined(separator: ", ")) not installed ('brume doctor' says how to get it)"
            )
        }
        for step in chapter.steps {
            print("\n  $ " + step.command.replacing("\n", with: "\n    "))
            fflush(nil)
            let result = try shell.run(step.command)
            do {
                guard result.status == 0 else { throw WrongResult("exit code \(result.status)") }
                let finding = try step.check(result)
                passed += 1
                print(
                    "  ✓ \(finding)  (\(result.duration.formatted(.units(allowed: [.seconds], fractionalPart: .show(length: 1)))))"
                )
            } catch {
                print("  ✗ \(error)\n\n\(passed) passed, 1 failed, \(skipped) skipped")
                throw ExitCode(1)
            }
        }
    }

    func finish() {
        print("\n\(passed) passed, 0 failed, \(skipped) skipped")
    }
}
