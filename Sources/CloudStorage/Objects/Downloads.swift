import BlobStore
import Compression
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// One range of a `Range` header. Several ranges, and what cannot be read, count as none, as HTTP allows.
enum ByteRange: Equatable {
    case whole
    case part(Range<Int64>)
    case unsatisfiable

    init(_ header: String?, size: Int64) {
        self = .whole
        guard let header, header.hasPrefix("bytes=") else { return }
        let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return }
        if ends[0].isEmpty {
            guard let last = Int64(ends[1]), last >= 0 else { return }
            self = last == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - last)..<size)
            return
        }
        guard let first = Int64(ends[0]), first >= 0 else { return }
        if first >= size {
            self = .unsatisfiable
        } else if ends[1].isEmpty {
            self = .part(first..<size)
        } else if let last = Int64(ends[1]), last >= first {
            self = .part(first..<min(last, size - 1) + 1)
        }
    }
}

extension FoundObject {
    /// Whether the content is sent unpacked: it is stored as gzip, and the caller does not say that it takes gzip.
    ///
    /// See [decompressive transcoding](https://docs.cloud.google.com/storage/docs/transcoding#decompressive_transcoding).
    fileprivate func isUnpacked(for request: HTTPFields) -> Bool {
        guard record.document["contentEncoding"]?.string?.lowercased() == "gzip",
            record.document["cacheControl"]?.string?.contains("no-transform") != true
        else { return false }
        let taken = (request[.acceptEncoding] ?? "").split(separator: ",").map {
            $0.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
        }
        return !taken.contains { ["gzip", "*"].contains($0[0]) && !$0.dropFirst().contains("q=0") }
    }
}

extension CloudStorage {
    /// Sends an object's content: 200, 206 or 416.
    ///
    /// - Parameter key: The caller's, where the content is encrypted with one.
    func download(
        _ found: FoundObject,
        _ request: HTTPFields,
        etag: String,
        isHead: Bool,
        openedWith key: BlobKey?,
        adding extra: HTTPFields = [:]
    ) async throws -> Response {
        let record = found.record
        try record.check(key)
        var headers = Self.headers(of: found)
        headers[.eTag] = etag
        headers.append(contentsOf: extra)
        if found.isUnpacked(for: request) {
            // How long it will be is not known, and its parts cannot be found: a range does not count.
            headers[.contentEncoding] = nil
            headers[.acceptRanges] = "none"
            if let warning = HTTPField.Name("Warning") { headers[warning] = "214 UploadServer gunzipped" }
            if isHead { return Response(status: .ok, headers: headers) }
            let content = Unzipped(try await self.content(of: record, openedWith: key))
            return Response(
                status: .ok,
                headers: headers,
                body: ResponseBody { writer in
                    for try await chunk in content { try await writer.write(chunk) }
                    try await writer.finish(nil)
                }
            )
        }
        let range = ByteRange(request[.range], size: record.size)
        if isHead {
            headers[.contentLength] = String(record.size)
            return Response(status: .ok, headers: headers)
        }
        let bytes: BlobBytes
        switch range {
        case .unsatisfiable:
            var refusal: HTTPFields = [.contentType: "text/html; charset=UTF-8"]
            refusal[.contentRange] = "bytes */\(record.size)"
            return Response(
                status: .rangeNotSatisfiable,
                headers: refusal,
                body: .init(byteBuffer: ByteBuffer(string: "The requested range cannot be satisfied."))
            )
        case .whole: bytes = try await content(of: record, openedWith: key)
        case .part(let part):
            bytes = try await content(of: record, range: part, openedWith: key)
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(record.size)"
        }
        return Response(
            status: range == .whole ? .ok : .partialContent,
            headers: headers,
            body: ResponseBody(contentLength: Int(bytes.count)) { writer in
                for try await chunk in bytes { try await writer.write(chunk) }
                try await writer.finish(nil)
            }
        )
    }

    private static func headers(of found: FoundObject) -> HTTPFields {
        let (record, document) = (found.record, found.record.document)
        var headers: HTTPFields = [:]
        func set(_ name: String, _ value: String?) {
            guard let value, !value.isEmpty, let name = HTTPField.Name(name), HTTPField.isValidValue(value) else {
                return
            }
            headers.append(HTTPField(name: name, value: value))
        }
        set("Content-Type", document["contentType"]?.string ?? "application/octet-stream")
        set("Content-Encoding", document["contentEncoding"]?.string)
        set("Content-Disposition", document["contentDisposition"]?.string)
        set("Content-Language", document["contentLanguage"]?.string)
        set("Cache-Control", document["cacheControl"]?.string ?? "no-cache")
        set("Accept-Ranges", "bytes")
        set("Last-Modified", HTTPDate.text(record.updated.date))
        set("x-goog-generation", String(record.generation))
        set("x-goog-metageneration", String(record.metageneration))
        set("x-goog-storage-class", record.storageClass(in: found.bucket))
        set("x-goog-stored-content-encoding", document["contentEncoding"]?.string ?? "identity")
        set("x-goog-stored-content-length", String(record.size))
        set("x-goog-hash", "crc32c=\(Base64.text(record.crc32c))")
        if let md5 = record.md5 { set("x-goog-hash", "md5=\(md5.base64EncodedString())") }
        if let seal = record.seal { headers.append(contentsOf: seal.headers) }
        if let count = record.componentCount { set("x-goog-component-count", String(count)) }
        return headers
    }
}

/// Dates of HTTP headers.
enum HTTPDate {
    private static var formatter: DateFormatter {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return formatter
    }

    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Mon, 23 Nov 2026 13:45:08 GMT`; on the path of every download, so without a formatter.
    static func text(_ date: Date) -> String {
        let (day, rest) = Int(date.timeIntervalSince1970.rounded(.down)).quotientAndRemainder(flooring: 86_400)
        let civil = CivilDate(daysSince1970: day)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
        let weekday = days[day.quotientAndRemainder(flooring: 7).remainder]
        return "\(weekday), \(two(civil.day)) \(months[civil.month - 1]) \(civil.year) "
            + "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60)) GMT"
    }

    static func date(_ text: String) -> Date? { formatter.date(from: text) }
}
