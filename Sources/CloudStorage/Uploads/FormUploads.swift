import APIServer
import BlobStore
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

/// The fields of an upload form: those before the file.
///
/// See [POST object](https://docs.cloud.google.com/storage/docs/xml-api/post-object-forms).
struct UploadForm: Sendable {
    /// By their names in lower case.
    private(set) var fields: [String: String] = [:]

    subscript(name: String) -> String? { fields[name].flatMap { $0.isEmpty ? nil : $0 } }

    mutating func add(_ name: String, _ value: String) { fields[name.lowercased()] = value }

    /// The signature over the form's policy; nil: the form has no policy.
    ///
    /// - Throws: ``GoogleError`` (400) for one that is incomplete.
    func signature() throws -> Signature? {
        guard self["policy"] != nil else { return nil }
        for (prefix, name, algorithm) in [
            ("x-goog-", "GOOG4-RSA-SHA256", Signature.Algorithm.rsa),
            ("x-goog-", "GOOG4-HMAC-SHA256", .hmac(dialect: .google)),
            ("x-amz-", "AWS4-HMAC-SHA256", .hmac(dialect: .amazon)),
        ] where self[prefix + "algorithm"] == name {
            return try Signature(
                algorithm: algorithm,
                credential: self[prefix + "credential"],
                signedHeaders: nil,
                signature: self[prefix + "signature"],
                time: self[prefix + "date"],
                lifetime: nil
            )
        }
        guard let signer = self["googleaccessid"] ?? self["awsaccesskeyid"],
            let bytes = self["signature"].flatMap({ Data(base64Encoded: $0) })
        else { throw GoogleError.unreadableSignature("the form has a policy and no signature of a known algorithm") }
        return Signature(
            algorithm: .version2(dialect: self["googleaccessid"] == nil ? .amazon : .google),
            signer: signer,
            signature: bytes,
            validity: .distantPast ... .distantFuture
        )
    }

    /// What the form asks to be stored.
    ///
    /// - Parameter fileName: What the file is called where it comes from.
    /// - Throws: ``GoogleError`` `invalid` (400).
    func request(bucket: String, fileName: String) throws -> UploadRequest {
        guard let key = self["key"] else { throw GoogleError.required("key") }
        guard !fields.keys.contains(where: { $0.hasPrefix("x-goog-encryption-") }) else {
            throw GoogleError.customerKeys(with: "forms")
        }
        let name = key.replacing("${filename}", with: fileName)
        try ObjectName.check(name)
        var document: JSON = [:]
        for (field, member) in [
            ("cache-control", "cacheControl"), ("content-disposition", "contentDisposition"),
            ("content-encoding", "contentEncoding"), ("x-goog-custom-time", "customTime"),
            ("x-goog-storage-class", "storageClass"),
        ] {
            if let value = self[field] { document[member] = .string(value) }
        }
        var metadata: [String: JSON] = [:]
        for (name, value) in fields {
            for prefix in ["x-goog-meta-", "x-amz-meta-"] where name.hasPrefix(prefix) {
                metadata[String(name.dropFirst(prefix.count))] = .string(value)
            }
        }
        if !metadata.isEmpty { document["metadata"] = .object(metadata) }
        return UploadRequest(
            bucket: bucket,
            name: name,
            metadata: try ObjectResource.settings(of: document),
            conditions: .none,
            checks: ChecksumChecks(metadata: [:], headers: [:]),
            predefinedACL: (self["acl"] ?? self["x-goog-acl"]).map(PredefinedACL.camelCased),
            contentType: self["content-type"]
        )
    }
}

extension CloudStorage {
    /// `POST /B` with a form, as web pages send it: who signed the form's policy is the one who writes.
    func uploadForm(_ input: XMLInput, _ call: Call) async throws -> Response {
        var parser = try FormParser(contentType: call.headers[.contentType] ?? "")
        var form = UploadForm()
        var upload: (request: UploadRequest, length: ClosedRange<Int64>)?
        let staged = blobs.stage(computing: .md5)
        do {
            var (size, isWhole) = (Int64(0), false)
            for try await chunk in call.request.body {
                for event in try parser.received(chunk) {
                    switch event {
                    // What follows the file says nothing any more.
                    case .field(let name, let value): if upload == nil { form.add(name, value) }
                    case .fileBegins("file", let fileName) where upload == nil:
                        upload = try await begin(form, fileName, input, call)
                    case .fileBegins(let name, _):
                        throw GoogleError.invalid("The form's file '\(name)' is not expected.")
                    case .bytes(let bytes):
                        size += Int64(bytes.readableBytes)
                        guard size <= upload?.length.upperBound ?? 0 else {
                            throw GoogleError.formSize("EntityTooLarge")
                        }
                        try await staged.append(bytes)
                    case .fileEnds: isWhole = true
                    }
                }
            }
            guard let upload, isWhole, parser.isComplete else {
                throw GoogleError.malformedUpload("the form has no whole field 'file'.")
            }
            guard size >= upload.length.lowerBound else { throw GoogleError.formSize("EntityTooSmall") }
            let document = try await settings(of: upload.request)
            let found = try await finish(staged, as: upload.request, document: document)
            return answer(form, found, in: upload.request.bucket, call)
        } catch {
            await staged.discard()
            throw error
        }
    }

    /// Finds out who uploads, and whether they may, before the file comes.
    private func begin(
        _ form: UploadForm,
        _ fileName: String,
        _ input: XMLInput,
        _ call: Call
    ) async throws -> (UploadRequest, ClosedRange<Int64>) {
        var (caller, length) = (call.caller, 0...Int64.max)
        if let text = form["policy"], let signature = try form.signature() {
            caller.identity = .account(try await signers.signer(of: signature, over: text))
            let policy = try PostPolicy(text)
            try policy.check(form.fields, bucket: input.bucket, at: now())
            length = policy.length
        }
        let request = try form.request(bucket: input.bucket, fileName: fileName)
        try await checkEarly(request, by: caller)
        return (request, length)
    }

    private func answer(_ form: UploadForm, _ found: FoundObject, in bucket: String, _ call: Call) -> Response {
        let name = found.record.name
        let location = "\(call.caller.origin)/\(bucket)/\(name.urlEncoded)"
        var headers = found.record.xmlHeaders
        if let page = form["success_action_redirect"] ?? form["redirect"], let url = URL(string: page) {
            let facts = "bucket=\(bucket)&key=\(name.urlEncoded)&etag=%22\(found.record.xmlTag)%22"
            headers[.location] = page + (url.query() == nil ? "?" : "&") + facts
            return Response(status: .seeOther, headers: headers)
        }
        headers[.location] = location
        switch form["success_action_status"] {
        case "200": return Response(status: .ok, headers: headers)
        case "201":
            let content =
                XML.element("Location", location) + XML.element("Bucket", bucket) + XML.element("Key", name)
                + XML.element("ETag", "\"\(found.record.xmlTag)\"")
            return XML.response(
                XML.document("PostResponse", namespace: nil, content),
                status: .created,
                headers: headers
            )
        default: return Response(status: .noContent, headers: headers)
        }
    }
}

extension String {
    /// Percent-encoded but for what a URL may say plainly, and the slash.
    fileprivate var urlEncoded: String {
        addingPercentEncoding(
            withAllowedCharacters: .init(
                charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
            )
        ) ?? ""
    }
}

extension GoogleError {
    fileprivate static func formSize(_ code: String) -> GoogleError {
        var error = invalid("The file's size is outside of the policy's content-length-range.")
        error.metadata["code"] = code
        return error
    }
}
