import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// A bucket as a web site, at the host that it is named after: `http://www.example.com/` for `gs://www.example.com`, and
/// for any bucket `http://BUCKET.localhost`, which browsers lead to this machine by themselves.
///
/// See [hosting a static website](https://docs.cloud.google.com/storage/docs/static-website).
extension CloudStorage {
    func websiteAPI(signIn: any Authenticator) -> API {
        let table = MethodTable(authorizer: authorizer)
        for verb in [HTTPRequest.Method.get, .head] {
            for path in ["/", "/**"] {
                table.add("storage.website.\(verb.rawValue.lowercased())", verb, path, requires: nil, serveWebsite)
            }
        }
        return API(
            name: "storage-website",
            hosts: [],
            errors: .xml,
            authenticator: signIn,
            crossOrigin: BucketOrigins(buckets: buckets) { Website.bucket(of: $0.request.head.authority ?? "") },
            claims: { [buckets] host in
                guard let bucket = try? await buckets.find(Website.bucket(of: host)) else { return false }
                return bucket.document["website"]?.object?.isEmpty == false
            },
            table: table
        )
    }

    private func serveWebsite(_ page: WebsiteInput, _ call: Call) async throws -> Response {
        let bucket = try await buckets.get(page.bucket)
        let website = bucket.document["website"]
        let main = website?["mainPageSuffix"]?.string
        if page.name.isEmpty || page.name.hasSuffix("/") {
            if let main, let response = try await send(page.name + main, of: page, call) { return response }
        }
        if !page.name.isEmpty {
            if let response = try await send(page.name, of: page, call) { return response }
            if let main, !page.name.hasSuffix("/"),
                try await objects.find("\(page.name)/\(main)", generation: nil, bucket: page.bucket) != nil
            {
                let target = (call.request.head.path ?? "/").prefix { $0 != "?" } + "/"
                return Response(status: .movedPermanently, headers: [.location: String(target)])
            }
        }
        if let missing = website?["notFoundPage"]?.string,
            var response = try await send(missing, of: page, call, isWhole: true)
        {
            response.status = .notFound
            return response
        }
        throw GoogleError.objectNotFound(page.bucket, page.name)
    }

    /// An object as a page; nil when there is none of this name.
    ///
    /// - Parameter isWhole: Whether what the request says of ranges and of copies that it has is about another page.
    private func send(_ name: String, of page: WebsiteInput, _ call: Call, isWhole: Bool = false) async throws
        -> Response?
    {
        guard try await objects.find(name, generation: nil, bucket: page.bucket) != nil else { return nil }
        try await authorizer.authorize(
            call.caller,
            for: "storage.objects.get",
            on: .object(name, in: page.bucket)
        )
        return try await objects.despiteOverwrites(of: name, generation: nil, bucket: page.bucket) {
            let found = try await objects.get(name, generation: nil, bucket: page.bucket)
            let etag = found.record.xmlTag
            var headers = call.headers
            if isWhole {
                headers[.range] = nil
            } else if let response = try found.outcome(ofEntityTagsIn: headers, etag: etag) {
                return response
            }
            return try await download(
                found,
                headers,
                etag: "\"\(etag)\"",
                isHead: call.request.method == .head,
                openedWith: nil
            )
        }
    }
}

enum Website {
    /// The bucket that is named as a host is.
    static func bucket(of authority: String) -> String {
        let host = authority.prefix { $0 != ":" }.lowercased()
        return host.hasSuffix(".localhost") ? String(host.dropLast(".localhost".count)) : host
    }
}

private struct WebsiteInput: MethodInput {
    var resource: ResourceName
    var bucket: String
    /// The path, without its first slash.
    var name: String

    init(from call: Call) async throws {
        bucket = Website.bucket(of: call.request.head.authority ?? "")
        resource = .bucket(bucket)
        let path = (call.request.head.path ?? "/").prefix { $0 != "?" }.dropFirst()
        guard let name = String(path).removingPercentEncoding else {
            throw GoogleError.invalidObjectName("it is not valid percent-encoded UTF-8.")
        }
        self.name = name
    }
}
