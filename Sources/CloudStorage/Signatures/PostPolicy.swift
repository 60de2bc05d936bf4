import Foundation
import GoogleAPI

/// What a form may upload, as the one who signed it has laid down.
///
/// See [policy documents](https://docs.cloud.google.com/storage/docs/authentication/signatures#policy-document).
struct PostPolicy: Sendable {
    private enum Condition: Sendable {
        case equal(String, String)
        case startsWith(String, String)
    }

    private let expiration: Date
    private let conditions: [Condition]
    /// How many bytes the file may have.
    let length: ClosedRange<Int64>

    /// Fields that no condition must name.
    private static let free: Set = [
        "policy", "x-goog-signature", "x-amz-signature", "signature", "googleaccessid", "awsaccesskeyid", "file",
    ]

    /// - Parameter text: The document in Base64, as the form carries it.
    /// - Throws: ``GoogleError`` `invalid` (400).
    init(_ text: String) throws {
        guard let data = Data(base64Encoded: text), let document = try? JSON(parsing: data),
            let expiration = document["expiration"]?.string.flatMap(Timestamp.date),
            let conditions = document["conditions"]?.array
        else { throw GoogleError.policyRefused("it is no Base64 of a JSON document with expiration and conditions") }
        self.expiration = expiration
        var read: [Condition] = []
        var length: ClosedRange<Int64> = 0...Int64.max
        for condition in conditions {
            if let members = condition.object {
                for (name, value) in members {
                    guard let value = value.string else { throw GoogleError.policyRefused("\(name) is no text") }
                    read.append(.equal(name.lowercased(), value))
                }
                continue
            }
            switch (condition[0]?.string?.lowercased(), condition[1], condition[2]) {
            case ("eq", .string(let field)?, .string(let value)?): read.append(.equal(Self.name(field), value))
            case ("starts-with", .string(let field)?, .string(let start)?):
                read.append(.startsWith(Self.name(field), start))
            case ("content-length-range", let least?, let most?):
                guard let least = least.integer, let most = most.integer, 0 <= least, least <= most else {
                    throw GoogleError.policyRefused("its content-length-range is none")
                }
                length = least...most
            default: throw GoogleError.policyRefused("the condition '\(condition)' cannot be understood")
            }
        }
        self.conditions = read
        self.length = length
    }

    private static func name(_ field: String) -> String {
        (field.hasPrefix("$") ? field.dropFirst() : field[...]).lowercased()
    }

    /// Checks a form's fields: each is named by a condition, and each condition is met.
    ///
    /// - Parameter fields: By their names in lower case.
    /// - Throws: ``GoogleError`` `invalid` (400).
    func check(_ fields: [String: String], bucket: String, at now: Date) throws {
        guard now < expiration else { throw GoogleError.policyRefused("it has expired") }
        let fields = fields.merging(["bucket": bucket]) { $1 }
        var named: Set<String> = ["bucket"]
        for condition in conditions {
            switch condition {
            case .equal(let name, let value):
                named.insert(name)
                guard fields[name] == value else {
                    throw GoogleError.policyRefused("the field '\(name)' must be '\(value)'")
                }
            case .startsWith(let name, let start):
                named.insert(name)
                guard fields[name]?.hasPrefix(start) ?? start.isEmpty else {
                    throw GoogleError.policyRefused("the field '\(name)' must begin with '\(start)'")
                }
            }
        }
        let unnamed = fields.keys.sorted().first {
            !named.contains($0) && !Self.free.contains($0) && !$0.hasPrefix("x-ignore-")
        }
        if let unnamed { throw GoogleError.policyRefused("the policy has no condition for the field '\(unnamed)'") }
    }
}

extension GoogleError {
    static func policyRefused(_ why: String) -> GoogleError {
        var error = invalid(
            "The content of the form does not meet the conditions specified in the policy document: \(why)."
        )
        error.metadata["code"] = "InvalidPolicyDocument"
        return error
    }
}
