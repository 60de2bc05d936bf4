import GoogleAPI

/// The labels of a resource.
///
/// See [requirements](https://docs.cloud.google.com/compute/docs/labeling-resources#requirements).
enum Labels {
    static let most = 64

    /// - Throws: ``GoogleError`` `invalid` (400) for a key or a value against the rules, and for too many.
    static func check(_ labels: JSON?, field: String) throws {
        let labels = labels?.object ?? [:]
        guard labels.count <= most else {
            throw GoogleError.invalidField(
                field,
                "",
                "The number of labels, \(labels.count), exceeds the maximum of \(most)."
            )
        }
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
            guard isKey(key) else {
                throw GoogleError.invalidField(
                    field,
                    "",
                    "Label key '\(key)' violates format constraints. The key must start with a lowercase character, can "
                        + "only contain lowercase letters, numeric characters, underscores and dashes. The key can be at "
                        + "most 63 characters long. International characters are allowed."
                )
            }
            guard isValue(value.string ?? "") else {
                throw GoogleError.invalidField(
                    field,
                    "",
                    "Label value '\(value.string ?? "")' violates format constraints. The value can only contain "
                        + "lowercase letters, numeric characters, underscores and dashes. The value can be at most 63 "
                        + "characters long. International characters are allowed."
                )
            }
        }
    }

    private static func isKey(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first else { return false }
        return isLetter(first) && isValue(text)
    }

    private static func isValue(_ text: String) -> Bool {
        text.unicodeScalars.count <= 63
            && text.unicodeScalars.allSatisfy { scalar in
                isLetter(scalar) || scalar == "_" || scalar == "-" || isOther(scalar)
            }
    }

    /// Lowercase letters, and those of scripts without cases.
    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        [.lowercaseLetter, .otherLetter].contains(scalar.properties.generalCategory)
    }

    /// Digits, and the marks that international letters may be written with.
    private static func isOther(_ scalar: Unicode.Scalar) -> Bool {
        [.decimalNumber, .letterNumber, .otherNumber, .nonspacingMark, .spacingMark]
            .contains(scalar.properties.generalCategory)
    }
}
