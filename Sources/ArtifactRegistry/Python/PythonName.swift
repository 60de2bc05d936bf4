import Foundation
import GoogleAPI

/// Names of Python packages and their files.
enum PythonName {
    /// The name as [PEP 503](https://peps.python.org/pep-0503/#normalized-names) compares it: `Foo.Bar_baz` is
    /// `foo-bar-baz`.
    static func normalized(_ name: String) -> String {
        var result = ""
        for character in name.lowercased() {
            guard "-_.".contains(character) else {
                result.append(character)
                continue
            }
            if result.last != "-" { result.append("-") }
        }
        return result
    }

    static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, let last = name.utf8.last, name.utf8.count <= 200 else { return false }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
        }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && name.utf8.allSatisfy { isAlphanumeric($0) || [45, 46, 95].contains($0) }
    }

    static func isValid(version: String) -> Bool {
        !version.isEmpty && version.utf8.count <= 200 && version.first?.isNumber ?? false
            && version.utf8.allSatisfy {
                (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0)
                    || [45, 46, 95, 43, 33].contains($0)
            }
    }

    /// The package and version that a file name tells: `fog_lamp-1.0-py3-none-any.whl`, `fog-lamp-1.0.tar.gz`.
    static func split(file: String) -> (name: String, version: String)? {
        if file.hasSuffix(".whl") {
            let parts = file.split(separator: "-").map(String.init)
            return parts.count >= 5 ? (parts[0], parts[1]) : nil
        }
        guard let ending = [".tar.gz", ".zip"].first(where: file.hasSuffix) else { return nil }
        let stem = file.dropLast(ending.count)
        guard let dash = stem.lastIndex(of: "-") else { return nil }
        return (String(stem[..<dash]), String(stem[stem.index(after: dash)...]))
    }

    /// Checks that a file is a distribution of a package.
    ///
    /// - Throws: ``GoogleError`` (400).
    static func check(file: String, of package: String) throws {
        let isPlain =
            file.utf8.count <= 255
            && file.utf8.allSatisfy {
                (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0)
                    || [45, 46, 95, 43, 33].contains($0)
            }
        guard isPlain, [".whl", ".tar.gz", ".zip"].contains(where: file.hasSuffix) else {
            throw GoogleError.uploadInvalid("the file '\(file)' is no .whl, .tar.gz or .zip")
        }
        guard normalized(file).hasPrefix(normalized(package) + "-") else {
            throw GoogleError.uploadInvalid("the file '\(file)' is not named after the package '\(package)'")
        }
    }
}
