import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

extension CloudStorage {
    /// The path tells bucket from object, the query tells what of it: so each verb has one line here, and permissions
    /// are asked for inside.
    func addXMLMethods(to api: MethodTable) {
        api.add("storage.xml.get", .get, "/", requires: nil, performXML)
        for (id, verb) in [
            ("get", HTTPRequest.Method.get), ("head", .head), ("put", .put), ("post", .post), ("delete", .delete),
        ] {
            api.add("storage.xml.\(id)", verb, "/**", requires: nil, performXML)
        }
    }

    private func performXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        let request = try XMLRequest(call)
        try request.check()
        let verb = call.request.method == .head ? .get : call.request.method
        // Passed over, a key would leave content unencrypted.
        if input.key != nil || input.sourceKey != nil,
            input.object.isEmpty || ![nil, "upload_id"].contains(request.subresource)
        {
            throw GoogleError.customerKeys(with: "\(verb) ?\(request.subresource ?? "") of the XML API")
        }
        switch (input.bucket.isEmpty, input.object.isEmpty) {
        case (true, _):
            guard verb == .get else { throw GoogleError.invalid("The path names no bucket.") }
            return try await listBucketsXML(input, call)
        case (_, true):
            switch (verb, request.subresource) {
            case (.get, nil), (.get, "versions"): return try await listXML(input, call)
            case (.get, "uploads"): return try await listMultipart(input, call)
            case (.put, nil): return try await createBucketXML(input, call)
            case (.post, "delete"): return try await deleteManyXML(input, call)
            case (.post, nil): return try await uploadForm(input, call)
            case (.delete, nil): return try await deleteXML(input, call)
            case (_, let subresource?): return try await performSetting(subresource, verb, input, call)
            default: throw request.lacking
            }
        case (_, false):
            switch (verb, request.subresource) {
            case (.get, nil): return try await readXML(input, call)
            case (.get, "uploadid"): return try await listParts(input, call)
            case (.put, nil): return try await putXML(input, call)
            case (.put, "uploadid"): return try await putPart(input, call)
            case (.get, "acl"): return try await objectAccessXML(input, call)
            case (.put, "acl"): return try await setObjectAccessXML(input, call)
            case (.post, nil) where call.header("x-goog-resumable") == "start":
                return try await startUploadXML(input, call)
            case (.post, "uploads"): return try await startMultipart(input, call)
            case (.post, "uploadid"): return try await completeMultipart(input, call)
            case (.put, "upload_id"): return try await continueUpload(call.query("upload_id") ?? "", call)
            case (.delete, nil): return try await deleteXML(input, call)
            case (.delete, "uploadid"): return try await abortMultipart(input, call)
            default: throw request.lacking
            }
        }
    }

    private func readXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        try await authorizer.authorize(call.caller, for: "storage.objects.get", on: input.resource)
        return try await objects.despiteOverwrites(
            of: input.object,
            generation: input.generation,
            bucket: input.bucket
        ) { try await readXMLObject(input, call) }
    }

    private func readXMLObject(_ input: XMLInput, _ call: Call) async throws -> Response {
        let found = try await objects.get(input.object, generation: input.generation, bucket: input.bucket)
        try input.conditions.check(found.record)
        let etag = found.record.xmlTag
        if let response = try found.outcome(ofEntityTagsIn: call.headers, etag: etag) { return response }
        // S3 clients look for their own spelling.
        let isAmazon = call.headers.contains { $0.name.canonicalName.hasPrefix("x-amz-") }
        var headers: HTTPFields = [:]
        for (key, value) in found.record.document["metadata"]?.object ?? [:] {
            guard let name = HTTPField.Name((isAmazon ? "x-amz-meta-" : "x-goog-meta-") + key), let text = value.string
            else { continue }
            if HTTPField.isValidValue(text) { headers[name] = text }
        }
        var response = try await download(
            found,
            call.headers,
            etag: "\"\(etag)\"",
            isHead: call.request.method == .head,
            openedWith: input.key,
            adding: headers
        )
        // Signed URLs may say how the content is to be shown.
        for (parameter, name) in [
            ("response-content-type", HTTPField.Name.contentType),
            ("response-content-disposition", .contentDisposition), ("response-cache-control", .cacheControl),
        ] {
            if let value = call.query(parameter), HTTPField.isValidValue(value) { response.headers[name] = value }
        }
        return response
    }

    private func putXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        if let source = call.header("x-goog-copy-source") ?? call.header("x-amz-copy-source") {
            return try await copyXML(source, input, call)
        }
        let content = call.content
        let found = try await store(
            content,
            as: try input.uploadRequest(call),
            by: call.caller,
            sealedWith: input.key
        ) { checks in
            try checks.add(trailers: content.trailers)
        }
        return Response(status: .ok, headers: found.record.xmlHeaders)
    }

    /// `PUT` with a copy source: `/BUCKET/OBJECT`, percent-encoded.
    private func copyXML(_ source: String, _ input: XMLInput, _ call: Call) async throws -> Response {
        let parts = source.prefix { $0 != "?" }.drop { $0 == "/" }.split(separator: "/", maxSplits: 1)
            .map { String($0).removingPercentEncoding ?? String($0) }
        guard parts.count == 2 else { throw GoogleError.invalid("The copy source '\(source)' is not /BUCKET/OBJECT.") }
        let generation =
            call.header("x-goog-copy-source-generation").flatMap(Int64.init)
            ?? source.split(separator: "?").dropFirst().first?.split(separator: "=").last.flatMap { Int64($0) }
        try await authorizer.authorize(
            call.caller,
            for: "storage.objects.get",
            on: .object(parts[1], generation: generation, in: parts[0])
        )
        let request = try input.uploadRequest(call)
        let directive = call.header("x-goog-metadata-directive") ?? call.header("x-amz-metadata-directive")
        let found = try await perform(
            ObjectCopy(
                bucket: parts[0],
                name: parts[1],
                generation: generation,
                conditions: .none,
                settings: directive?.uppercased() == "REPLACE" ? try await settings(of: request) : .none,
                predefinedACL: request.predefinedACL,
                sourceKey: input.sourceKey,
                key: input.key
            ),
            to: input.object,
            in: input.bucket,
            if: input.conditions,
            by: call.caller
        )
        let content =
            XML.element("LastModified", found.record.updated.text)
            + XML.element("ETag", "\"\(found.record.xmlTag)\"")
        return XML.response(XML.document("CopyObjectResult", content), headers: found.record.xmlHeaders)
    }

    /// `POST` with `x-goog-resumable: start`: a session whose address needs no signature of its own.
    private func startUploadXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        let upload = try await startUpload(try input.uploadRequest(call), by: call.caller, sealedWith: input.key)
        let path = call.context.originalPath.prefix { $0 != "?" }
        var headers: HTTPFields = [.location: "\(call.caller.origin)\(path)?upload_id=\(upload.id)"]
        if let name = HTTPField.Name("X-GUploader-UploadID") { headers[name] = upload.id }
        return Response(status: .created, headers: headers)
    }

    private func deleteXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        if input.object.isEmpty {
            try await authorizer.authorize(call.caller, for: "storage.buckets.delete", on: input.resource)
            await release(try await buckets.delete(input.bucket, if: input.conditions))
        } else {
            try await authorizer.authorize(call.caller, for: "storage.objects.delete", on: input.resource)
            await release(
                try await objects.delete(
                    input.object,
                    generation: input.generation,
                    bucket: input.bucket,
                    if: input.conditions
                )
            )
        }
        return Response(status: .noContent)
    }

    /// `POST /B?delete`: up to 1,000 objects, each with an outcome of its own.
    private func deleteManyXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        let body = try XMLTag(parsing: try await call.bytes(upTo: Call.maximumJSONBytes))
        let listed = body.all("Object")
        guard listed.count <= 1000 else { throw GoogleError.invalid("Up to 1000 objects can be deleted at once.") }
        let isQuiet = body.text("Quiet") == "true"
        var content = ""
        for object in listed {
            let name = object.text("Key") ?? ""
            let generation = (object.text("VersionId") ?? object.text("Generation")).flatMap { Int64($0) }
            do {
                try await authorizer.authorize(
                    call.caller,
                    for: "storage.objects.delete",
                    on: .object(name, in: input.bucket)
                )
                await release(
                    try await objects.delete(name, generation: generation, bucket: input.bucket, if: .none)
                )
            } catch let error as GoogleError where error.code != 404 || error.metadata["code"] == "NoSuchBucket" {
                content +=
                    "<Error>" + XML.element("Key", name) + XML.element("Code", ErrorStyle.xmlCode(of: error))
                    + XML.element("Message", error.message) + "</Error>"
                continue
            } catch is GoogleError {
                // What is not there counts as deleted.
            }
            if !isQuiet { content += "<Deleted>" + XML.element("Key", name) + "</Deleted>" }
        }
        return XML.response(XML.document("DeleteResult", content))
    }
}

/// Buckets by the XML API.
extension CloudStorage {
    private func createBucketXML(_ input: XMLInput, _ call: Call) async throws -> Response {
        let project = try call.projectOfXML()
        try await authorizer.authorize(call.caller, for: "storage.buckets.create", on: .project(project))
        let data = try await call.bytes(upTo: Call.maximumJSONBytes)
        let body = data.isEmpty ? nil : try XMLTag(parsing: data)
        var settings: JSON = ["name": .string(input.bucket)]
        if let location = body?.text("LocationConstraint"), !location.isEmpty {
            settings["location"] = .string(location)
        }
        if let storageClass = body?.text("StorageClass"), !storageClass.isEmpty {
            settings["storageClass"] = .string(storageClass)
        }
        _ = try await createBucket(settings, in: project, predefinedACL: call.predefinedACL)
        return Response(status: .ok)
    }
}

extension ErrorStyle {
    static func xmlCode(of error: GoogleError) -> String {
        let byStatus: [Int: String] = [
            400: "InvalidArgument", 401: "AuthenticationRequired", 403: "AccessDenied", 404: "NoSuchKey",
            409: "Conflict", 412: "PreconditionFailed", 416: "InvalidRange", 501: "NotImplemented",
            507: "InsufficientStorage",
        ]
        return error.metadata["code"] ?? byStatus[error.code] ?? "InternalError"
    }

    /// The XML API: `<Error>` with a code of its own.
    static let xml = ErrorStyle { error, call in
        if call.request.method == .head { return Response(status: .init(code: error.code)) }
        let content = XML.element("Code", xmlCode(of: error)) + XML.element("Message", error.message)
        return XML.response(
            XML.document("Error", namespace: nil, content),
            status: .init(code: error.code)
        )
    }
}
