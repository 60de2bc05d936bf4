import APIServer
import GoogleAPI
import HTTPTypes

/// The conditions under which a request wants to be carried out: `ifGenerationMatch` and its three sisters.
///
/// See [request preconditions](https://docs.cloud.google.com/storage/docs/request-preconditions).
struct Preconditions: Codable, Sendable, Equatable {
    var generationMatch: Int64?
    var generationNotMatch: Int64?
    var metagenerationMatch: Int64?
    var metagenerationNotMatch: Int64?

    static let none = Preconditions()

    init() {}

    /// Reads `if…` parameters, or `ifSource…` ones.
    ///
    /// - Throws: ``GoogleError`` `invalidParameter` (400) for what is no number.
    init(_ call: Call, source: Bool = false) throws {
        let prefix = source ? "ifSource" : "if"
        generationMatch = try call.number(prefix + "GenerationMatch")
        generationNotMatch = try call.number(prefix + "GenerationNotMatch")
        metagenerationMatch = try call.number(prefix + "MetagenerationMatch")
        metagenerationNotMatch = try call.number(prefix + "MetagenerationNotMatch")
    }

    enum Outcome: Equatable {
        case met
        /// A `Match` failed: 412.
        case failed(String)
        /// A `NotMatch` failed: 304 for reads, else 412.
        case unchanged(String)
    }

    /// Compares; what does not exist has generation 0.
    func outcome(generation: Int64, metageneration: Int64) -> Outcome {
        if let wanted = generationMatch, wanted != generation {
            return .failed("ifGenerationMatch is \(wanted), the generation is \(generation)")
        }
        if let wanted = metagenerationMatch, wanted != metageneration {
            return .failed("ifMetagenerationMatch is \(wanted), the metageneration is \(metageneration)")
        }
        if let unwanted = generationNotMatch, unwanted == generation {
            return .unchanged("ifGenerationNotMatch is the generation, \(generation)")
        }
        if let unwanted = metagenerationNotMatch, unwanted == metageneration {
            return .unchanged("ifMetagenerationNotMatch is the metageneration, \(metageneration)")
        }
        return .met
    }

    /// Compares before a change.
    ///
    /// - Throws: ``GoogleError`` `conditionNotMet` (412).
    func check(generation: Int64, metageneration: Int64) throws {
        switch outcome(generation: generation, metageneration: metageneration) {
        case .met: return
        case .failed(let reason), .unchanged(let reason): throw GoogleError.conditionNotMet(reason)
        }
    }

    func check(_ record: ObjectRecord?) throws {
        try check(generation: record?.generation ?? 0, metageneration: record?.metageneration ?? 0)
    }
}

extension Call {
    /// A whole number of the query.
    ///
    /// - Throws: ``GoogleError`` `invalidParameter` (400).
    func number(_ name: String) throws -> Int64? {
        guard let text = query(name), !text.isEmpty else { return nil }
        guard let number = Int64(text) else {
            throw GoogleError.invalid(
                "Invalid value for \(name): '\(text)' is no whole number.",
                reason: "invalidParameter"
            )
        }
        return number
    }
}
