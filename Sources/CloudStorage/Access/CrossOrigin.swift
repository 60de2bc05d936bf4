import APIServer
import GoogleAPI
import HTTPTypes
import Hummingbird

/// The JSON API's: every page may use it, for every call carries a token that no browser adds by itself.
struct EveryOrigin: CrossOriginPolicy {
    func headers(for request: CrossOriginRequest, of call: Call) async -> HTTPFields {
        var headers: HTTPFields = [.accessControlAllowOrigin: request.origin, .vary: "Origin"]
        if request.isQuestion {
            headers[.accessControlAllowMethods] = "GET, HEAD, POST, PUT, PATCH, DELETE"
            headers[.accessControlAllowHeaders] = request.headers.joined(separator: ", ")
            headers[.accessControlMaxAge] = "3600"
        } else {
            headers[.accessControlExposeHeaders] =
                "Content-Length, Content-Range, Content-Type, ETag, Location, Range, X-Goog-Hash, X-Goog-Generation, "
                + "X-GUploader-UploadID"
        }
        return headers
    }
}

/// The XML API's: what the bucket's `cors` says.
///
/// See [cross-origin resource sharing](https://docs.cloud.google.com/storage/docs/cross-origin).
struct BucketOrigins: CrossOriginPolicy {
    let buckets: BucketStore
    /// The bucket that a call is about.
    var bucketName: @Sendable (Call) -> String? = { try? XMLInput.place(of: $0).bucket }

    func headers(for request: CrossOriginRequest, of call: Call) async -> HTTPFields {
        guard let name = bucketName(call), let bucket = try? await buckets.find(name),
            let rule = (bucket.document["cors"]?.array ?? []).first(where: { Self.allows(request, by: $0) })
        else { return [:] }
        let listed = (rule["responseHeader"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
        let isForAll = Self.texts(rule["origin"]).contains("*")
        var headers: HTTPFields = [.accessControlAllowOrigin: isForAll ? "*" : request.origin]
        if !isForAll { headers[.vary] = "Origin" }
        guard request.isQuestion else {
            if !listed.isEmpty { headers[.accessControlExposeHeaders] = listed }
            return headers
        }
        headers[.accessControlAllowMethods] = Self.texts(rule["method"]).joined(separator: ", ")
        if !listed.isEmpty { headers[.accessControlAllowHeaders] = listed }
        headers[.accessControlMaxAge] = String(rule["maxAgeSeconds"]?.integer ?? 3600)
        return headers
    }

    private static func allows(_ request: CrossOriginRequest, by rule: JSON) -> Bool {
        let methods = texts(rule["method"])
        guard texts(rule["origin"]).contains(where: { matches(request.origin, $0) }),
            methods.contains("*") || methods.contains(request.method.rawValue)
        else { return false }
        let allowed = Set(texts(rule["responseHeader"]).map { $0.lowercased() })
        return allowed.contains("*") || request.headers.allSatisfy(allowed.contains)
    }

    /// `*` stands for any origin, and in one for any text: `http://*.example.com`.
    private static func matches(_ origin: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return origin == pattern }
        return origin.count >= parts[0].count + parts[1].count && origin.hasPrefix(parts[0])
            && origin.hasSuffix(parts[1])
    }

    private static func texts(_ list: JSON?) -> [String] { (list?.array ?? []).compactMap(\.string) }
}
