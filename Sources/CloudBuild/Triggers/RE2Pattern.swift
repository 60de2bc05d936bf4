import GoogleAPI

/// A regular expression in the syntax of [RE2](https://github.com/google/re2/wiki/Syntax), without Unicode classes.
///
/// It is run as an automaton, so the time it takes grows with pattern times text, whatever the pattern.
struct RE2Pattern: Sendable {
    private let program: [Instruction]

    enum Instruction: Sendable {
        case match
        case character(CharacterSet)
        case begin, end, wordBoundary, noWordBoundary
        case split(Int, Int)
        case jump(Int)
    }

    /// - Throws: ``GoogleError`` (400) with RE2's words for what is wrong.
    init(_ text: String) throws {
        var parser = Parser(text)
        let tree = try parser.parse()
        var compiler = Compiler()
        compiler.emit(tree)
        program = compiler.instructions + [.match]
        guard program.count <= 10_000 else { throw Parser.wrong("expression too large", text) }
    }

    /// Whether the pattern is found anywhere in a text.
    func isFound(in text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var threads: [Int] = []
        for position in 0...scalars.count {
            // A match may begin at each position.
            var current = Threads(count: program.count)
            for thread in threads { follow(thread, scalars, position, &current) }
            follow(0, scalars, position, &current)
            threads = []
            for index in current.order {
                switch program[index] {
                case .match: return true
                case .character(let set):
                    if position < scalars.count, set.contains(scalars[position]) { threads.append(index + 1) }
                default: break
                }
            }
        }
        return false
    }

    private struct Threads {
        var order: [Int] = []
        var isKnown: [Bool]

        init(count: Int) { isKnown = Array(repeating: false, count: count) }
    }

    /// Adds what can be reached from an instruction without reading a character.
    private func follow(_ start: Int, _ text: [Unicode.Scalar], _ position: Int, _ threads: inout Threads) {
        var pending = [start]
        while let index = pending.popLast() {
            guard !threads.isKnown[index] else { continue }
            threads.isKnown[index] = true
            switch program[index] {
            case .match, .character: threads.order.append(index)
            case .jump(let target): pending.append(target)
            case .split(let first, let second): pending += [second, first]
            case .begin: if position == 0 { pending.append(index + 1) }
            case .end: if position == text.count { pending.append(index + 1) }
            case .wordBoundary: if isBoundary(text, position) { pending.append(index + 1) }
            case .noWordBoundary: if !isBoundary(text, position) { pending.append(index + 1) }
            }
        }
    }

    private func isBoundary(_ text: [Unicode.Scalar], _ position: Int) -> Bool {
        let before = position > 0 && CharacterSet.word.contains(text[position - 1])
        let after = position < text.count && CharacterSet.word.contains(text[position])
        return before != after
    }

    /// Characters, by ranges.
    struct CharacterSet: Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isInverted = false

        static let digit = CharacterSet(ranges: [0x30...0x39])
        static let space = CharacterSet(ranges: [0x09...0x0A, 0x0C...0x0D, 0x20...0x20])
        static let word = CharacterSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
        static let any = CharacterSet(ranges: [0x0A...0x0A], isInverted: true)
        static let everything = CharacterSet(ranges: [], isInverted: true)

        func contains(_ scalar: Unicode.Scalar) -> Bool {
            ranges.contains { $0.contains(scalar.value) } != isInverted
        }

        /// The same with both cases of each ASCII letter.
        var ignoringCase: CharacterSet {
            var set = self
            for range in ranges {
                for value in range.clamped(to: 0x41...0x5A) where range.overlaps(0x41...0x5A) {
                    set.ranges.append(value + 32...value + 32)
                }
                for value in range.clamped(to: 0x61...0x7A) where range.overlaps(0x61...0x7A) {
                    set.ranges.append(value - 32...value - 32)
                }
            }
            return set
        }
    }

    indirect enum Tree: Sendable {
        case empty
        case character(CharacterSet)
        case assertion(Instruction)
        case sequence([Tree])
        case alternatives([Tree])
        case repeated(Tree, ClosedRange<Int>?, minimum: Int)
    }

    private struct Compiler {
        var instructions: [Instruction] = []

        mutating func emit(_ tree: Tree) {
            // A pattern that grows beyond all sense is refused afterwards.
            guard instructions.count <= 10_001 else { return }
            switch tree {
            case .empty: break
            case .character(let set): instructions.append(.character(set))
            case .assertion(let instruction): instructions.append(instruction)
            case .sequence(let parts): for part in parts { emit(part) }
            case .alternatives(let choices): emit(choices)
            case .repeated(let tree, let range, let minimum):
                for _ in 0..<minimum { emit(tree) }
                if let range {
                    var splits: [Int] = []
                    for _ in minimum..<max(minimum, range.upperBound) {
                        splits.append(instructions.count)
                        instructions.append(.match)
                        emit(tree)
                    }
                    for split in splits { instructions[split] = .split(split + 1, instructions.count) }
                } else {
                    let start = instructions.count
                    instructions.append(.match)
                    emit(tree)
                    instructions.append(.jump(start))
                    instructions[start] = .split(start + 1, instructions.count)
                }
            }
        }

        private mutating func emit(_ choices: [Tree]) {
            var exits: [Int] = []
            for (index, choice) in choices.enumerated() {
                guard index < choices.count - 1 else {
                    emit(choice)
                    break
                }
                let split = instructions.count
                instructions.append(.match)
                emit(choice)
                exits.append(instructions.count)
                instructions.append(.match)
                instructions[split] = .split(split + 1, instructions.count)
            }
            for exit in exits { instructions[exit] = .jump(instructions.count) }
        }
    }
}
