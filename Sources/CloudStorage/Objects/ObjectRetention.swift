import Foundation
import GoogleAPI

/// How long an object must be kept.
///
/// See [object retention lock](https://docs.cloud.google.com/storage/docs/object-lock).
enum ObjectRetention {
    /// Checks that a locked retention is neither shortened, unlocked nor taken away before its time.
    ///
    /// - Throws: ``GoogleError`` `retentionPolicyNotMet` (403).
    static func check(_ old: JSON?, becomes new: JSON?, of name: String, at now: Date) throws {
        guard old?["mode"]?.string == "Locked", let until = time(old), until > now else { return }
        guard new?["mode"]?.string == "Locked", let later = time(new), later >= until else {
            throw GoogleError.retained(name, until: Timestamp.text(until))
        }
    }

    private static func time(_ retention: JSON?) -> Date? {
        retention?["retainUntilTime"]?.string.flatMap(Timestamp.date)
    }
}
