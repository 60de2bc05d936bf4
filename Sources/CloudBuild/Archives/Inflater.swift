import GoogleAPI

/// Unpacks a stream of [DEFLATE](https://www.rfc-editor.org/rfc/rfc1951), piece by piece.
struct Inflater {
    private enum Block {
        case header
        case stored(left: Int)
        case codes(literals: Code, distances: Code)
        case end
    }

    /// More than any header of a block, or any symbol, can need; with less at hand the decoder waits for more.
    private static let reserve = 1024
    private static let windowBytes = 32_768
    /// How much is unpacked at a time.
    private static let batchBytes = 65_536

    private var input: [UInt8] = []
    private var position = 0
    private var bits: UInt64 = 0
    private var bitCount = 0
    /// The last 32 KiB of what was given out, then what was not.
    private var output: [UInt8] = []
    private var given = 0
    private var block = Block.header
    private var isLastBlock = false

    var isAtEnd: Bool { if case .end = block { given == output.count } else { false } }
    /// Whether it cannot go on without more input.
    var isHungry: Bool { input.count - position < Self.reserve }

    mutating func feed(_ bytes: some Sequence<UInt8>) {
        if position > 1 << 20 {
            input.removeFirst(position)
            position = 0
        }
        input.append(contentsOf: bytes)
    }

    /// Unpacks some more; empty: it needs more input, or is at its end.
    ///
    /// - Parameter isWhole: Whether all input was fed.
    /// - Throws: ``GoogleError`` for what is not DEFLATE.
    mutating func next(isWhole: Bool) throws -> ArraySlice<UInt8> {
        if output.count > Self.windowBytes + Self.batchBytes {
            output.removeFirst(output.count - Self.windowBytes)
            given = output.count
        }
        while output.count - given < Self.batchBytes, isWhole || !isHungry {
            switch block {
            case .header: try readHeader()
            case .stored(let left): try copy(left)
            case .codes(let literals, let distances): try decode(literals, distances, isWhole: isWhole)
            case .end: return give()
            }
        }
        return give()
    }

    private mutating func give() -> ArraySlice<UInt8> {
        defer { given = output.count }
        return output[given...]
    }

    // MARK: Bits

    private mutating func refill() {
        while bitCount <= 48, position < input.count {
            bits |= UInt64(input[position]) << UInt64(bitCount)
            position += 1
            bitCount += 8
        }
    }

    private mutating func take(_ count: Int) throws -> Int {
        if bitCount < count { refill() }
        guard bitCount >= count else { throw Self.damaged }
        let value = Int(bits & (1 << UInt64(count) - 1))
        bits >>= UInt64(count)
        bitCount -= count
        return value
    }

    private mutating func symbol(_ code: Code) throws -> Int {
        if bitCount < 15 { refill() }
        let entry = code.table[Int(bits & UInt64(code.table.count - 1))]
        let length = Int(entry & 15)
        guard length > 0, length <= bitCount else { throw Self.damaged }
        bits >>= UInt64(length)
        bitCount -= length
        return Int(entry >> 4)
    }

    // MARK: Blocks

    private mutating func finishBlock() { block = isLastBlock ? .end : .header }

    private mutating func readHeader() throws {
        isLastBlock = try take(1) == 1
        switch try take(2) {
        case 0:
            _ = try take(bitCount % 8)
            let length = try take(16)
            guard try take(16) == length ^ 0xffff else { throw Self.damaged }
            block = .stored(left: length)
        case 1: block = .codes(literals: Code.fixedLiterals, distances: Code.fixedDistances)
        case 2: try readCodes()
        default: throw Self.damaged
        }
    }

    private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    private mutating func readCodes() throws {
        let (literals, distances, lengths) = (try take(5) + 257, try take(5) + 1, try take(4) + 4)
        var own = [UInt8](repeating: 0, count: 19)
        for index in 0..<lengths { own[Self.order[index]] = UInt8(try take(3)) }
        let code = try Code(own)
        var all: [UInt8] = []
        while all.count < literals + distances {
            switch try symbol(code) {
            case let length where length < 16: all.append(UInt8(length))
            case 16:
                guard let last = all.last else { throw Self.damaged }
                all += [UInt8](repeating: last, count: 3 + (try take(2)))
            case 17: all += [UInt8](repeating: 0, count: 3 + (try take(3)))
            default: all += [UInt8](repeating: 0, count: 11 + (try take(7)))
            }
        }
        guard all.count == literals + distances, all[256] > 0 else { throw Self.damaged }
        block = .codes(literals: try Code(Array(all[..<literals])), distances: try Code(Array(all[literals...])))
    }

    private mutating func copy(_ left: Int) throws {
        var left = left
        // Whole bytes may stand among the bits.
        while left > 0, bitCount >= 8 {
            output.append(UInt8(try take(8)))
            left -= 1
        }
        let count = min(left, input.count - position, Self.batchBytes)
        output += input[position..<position + count]
        position += count
        left -= count
        if left == 0 { return finishBlock() }
        guard count > 0 else { throw Self.damaged }
        block = .stored(left: left)
    }

    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145,
        8193, 12_289, 16_385, 24_577,
    ]
    private static let distanceBits = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
    ]

    private mutating func decode(_ literals: Code, _ distances: Code, isWhole: Bool) throws {
        while output.count - given < Self.batchBytes, isWhole || !isHungry {
            let symbol = try symbol(literals)
            if symbol < 256 {
                output.append(UInt8(symbol))
                continue
            }
            guard symbol > 256 else { return finishBlock() }
            guard symbol - 257 < Self.lengthBases.count else { throw Self.damaged }
            let length = Self.lengthBases[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
            let far = try self.symbol(distances)
            guard far < Self.distanceBases.count else { throw Self.damaged }
            let distance = Self.distanceBases[far] + (try take(Self.distanceBits[far]))
            guard distance <= output.count else { throw Self.damaged }
            let start = output.count - distance
            // What is copied may overlap what is being written.
            for index in 0..<length { output.append(output[start + index]) }
        }
    }

    static let damaged = GoogleError.invalidBuild("the compressed data are damaged")

    /// A prefix code as a table: what the next bits mean, and how many of them.
    struct Code: Sendable {
        var table: [UInt16]

        static let fixedLiterals = fixed(
            [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112) + [UInt8](repeating: 7, count: 24)
                + [UInt8](repeating: 8, count: 8)
        )
        static let fixedDistances = fixed([UInt8](repeating: 5, count: 30))

        private static func fixed(_ lengths: [UInt8]) -> Code { (try? Code(lengths)) ?? Code(table: [0]) }

        private init(table: [UInt16]) { self.table = table }

        /// - Parameter lengths: The number of bits of each symbol's code; 0: it has none.
        init(_ lengths: [UInt8]) throws {
            let longest = Int(lengths.max() ?? 0)
            guard longest <= 15 else { throw Inflater.damaged }
            table = [UInt16](repeating: 0, count: 1 << longest)
            var next = 0
            for length in stride(from: 1, through: longest, by: 1) {
                next <<= 1
                for symbol in lengths.indices where Int(lengths[symbol]) == length {
                    guard next < 1 << length else { throw Inflater.damaged }
                    // Codes are read from their last bit on.
                    var reversed = 0
                    for bit in 0..<length where next >> bit & 1 == 1 { reversed |= 1 << (length - 1 - bit) }
                    for index in stride(from: reversed, to: table.count, by: 1 << length) {
                        table[index] = UInt16(symbol) << 4 | UInt16(length)
                    }
                    next += 1
                }
            }
        }
    }
}
