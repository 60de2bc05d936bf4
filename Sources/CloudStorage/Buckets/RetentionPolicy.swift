import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// How long every object of a bucket must be kept, and that this may be made unalterable.
///
/// See [Bucket Lock](https://docs.cloud.google.com/storage/docs/bucket-lock).
enum RetentionPolicy {
    /// The longest period, in seconds: a hundred years.
    private static let longest: Int64 = 3_155_760_000

    /// Reads what a client sets: nil takes the policy away.
    ///
    /// - Throws: ``GoogleError`` `invalid` (400).
    static func setting(_ policy: JSON) throws -> JSON {
        guard let period = policy["retentionPeriod"] else { return policy.isNull ? .null : policy }
        guard let seconds = period.integer, (0...longest).contains(seconds) else {
            throw GoogleError.invalid(
                "Invalid value for 'retentionPolicy.retentionPeriod': 1 to \(longest) seconds are allowed."
            )
        }
        return seconds == 0 ? .null : ["retentionPeriod": .string(String(seconds))]
    }

    /// What stands after a change: the time from which it holds stays unless the period changes, and a locked policy
    /// may only be lengthened.
    ///
    /// - Throws: ``GoogleError`` `forbidden` (403).
    static func changed(_ old: JSON?, to new: JSON?, of bucket: String, at now: Micros) throws -> JSON? {
        let period = new?["retentionPeriod"]?.integer
        if old?["isLocked"]?.bool == true {
            guard let period, period >= old?["retentionPeriod"]?.integer ?? 0 else {
                throw GoogleError(
                    .permissionDenied,
                    reason: "forbidden",
                    message: "The retention policy of bucket '\(bucket)' is locked: its period can be increased, "
                        + "not reduced, and it cannot be removed."
                )
            }
        }
        guard var policy = new, !policy.isNull, let period else { return nil }
        policy["isLocked"] = old?["isLocked"]
        let isSame = period == old?["retentionPeriod"]?.integer
        policy["effectiveTime"] = isSame ? old?["effectiveTime"] : .string(now.text)
        return policy
    }
}

extension CloudStorage {
    func addRetentionMethods(to api: MethodTable) {
        api.add(
            "storage.buckets.lockRetentionPolicy",
            .post,
            "/storage/v1/b/{bucket}/lockRetentionPolicy",
            requires: "storage.buckets.update"
        ) { (input: BucketInput, call: Call) -> Response in
            guard input.conditions.metagenerationMatch != nil else {
                throw GoogleError.required("ifMetagenerationMatch")
            }
            let bucket = try await buckets.change(input.bucket, if: input.conditions, at: Micros(now())) { bucket in
                guard bucket.document["retentionPolicy"]?["retentionPeriod"] != nil else {
                    throw GoogleError.invalid("Bucket '\(bucket.name)' has no retention policy to lock: set one first.")
                }
                bucket.document["retentionPolicy"]?["isLocked"] = true
            }
            return try JSONResponse.make(
                BucketResource.render(bucket, origin: call.caller.origin, full: input.isFull),
                for: call
            )
        }
    }
}
