import Foundation
package import GoogleAPI
package import NIOHTTP1

/// A call of the Docker Engine API, in the parts that rules look at. What is sent on is made of these parts alone:
/// nothing of a client's own spelling reaches the engine.
package struct EngineCall: Sendable {
    var method: HTTPMethod
    /// `v1.41`; nil: the engine's own.
    var version: String?
    /// Of the path, without the version, decoded: `containers`, `create`.
    var segments: [String]
    /// Decoded, in the client's order.
    var query: [(name: String, value: String)]
    /// Of the few calls whose body is judged.
    package var body: JSON?

    /// The oldest version of the API in which no call takes what containers are made of but the one that makes them.
    static let oldestVersion = 24

    /// - Throws: ``StepRefusal`` for what has two readings.
    package init(_ head: HTTPRequestHead) throws {
        method = head.method
        let halves = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard head.uri.hasPrefix("/"), let path = halves.first else { throw StepRefusal.unreadable(head.uri) }
        segments = try path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
            guard let text = part.removingPercentEncoding, !["", ".", ".."].contains(text), !text.contains("/") else {
                throw StepRefusal.unreadable(head.uri)
            }
            return text
        }
        if let first = segments.first, let match = first.wholeMatch(of: /v1\.([0-9]{1,3})/) {
            guard let minor = Int(match.output.1), minor >= Self.oldestVersion else { throw StepRefusal.tooOld(first) }
            version = first
            segments.removeFirst()
        }
        query = try (halves.count > 1 ? halves[1] : "").split(separator: "&").map { pair in
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                $0.replacing("+", with: " ").removingPercentEncoding
            }
            guard let name = sides[0], let value = sides.count > 1 ? sides[1] : "" else {
                throw StepRefusal.unreadable(head.uri)
            }
            return (name, value)
        }
    }

    /// The first value of a parameter, as the engine reads it.
    func value(_ name: String) -> String? { query.first { $0.name == name }?.value }

    func values(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }

    mutating func set(_ name: String, _ value: String) {
        query.removeAll { $0.name == name }
        query.append((name, value))
    }

    /// The target of the request that is sent on.
    package var target: String {
        let path = ([version].compactMap(\.self) + segments).map { "/" + Self.escape($0, besides: ":@") }.joined()
        let pairs = query.map { "\(Self.escape($0.name))=\(Self.escape($0.value))" }
        return pairs.isEmpty ? path : path + "?" + pairs.joined(separator: "&")
    }

    private static func escape(_ text: String, besides more: String = "") -> String {
        let plain = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + more
        )
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}

/// Why a step's call is not passed on; told in the engine's own form.
package struct StepRefusal: Error, Equatable {
    package var status: Int = 403
    package var message: String

    init(status: Int = 403, _ message: String) { (self.status, self.message) = (status, message) }

    static func unreadable(_ target: String) -> StepRefusal {
        StepRefusal(status: 400, "The path '\(target.prefix(200))' is none of the Docker Engine API's.")
    }

    static func tooOld(_ version: String) -> StepRefusal {
        StepRefusal(
            status: 400,
            "Version \(version) of the Docker Engine API is too old for builds: use 1.24 or later."
        )
    }

    static func unknown(_ call: EngineCall) -> StepRefusal {
        StepRefusal(
            """
            A build's step may not call \(call.method) /\(call.segments.joined(separator: "/")): its Docker Engine is \
            shared. It may build, pull, tag and push images, and run containers of its own.
            """
        )
    }

    static func option(_ name: String) -> StepRefusal {
        StepRefusal(
            "A build's step may not set '\(name)': its containers share this machine with others. Leave the option out."
        )
    }

    /// - Parameter status: 404 where the call is about it alone, as the engine answers for what is not there.
    static func foreign(_ what: String, _ name: String, status: Int = 403) -> StepRefusal {
        StepRefusal(status: status, "This build has no \(what) '\(name)': those of others cannot be used.")
    }

    static func tooMany(_ what: String, _ most: Int) -> StepRefusal {
        StepRefusal(status: 409, "A build has at most \(most) \(what) at once: remove one first.")
    }

    static func hostPath(_ path: String) -> StepRefusal {
        StepRefusal(
            """
            A build has no files of the machine: '\(path)' cannot be mounted. Mount /workspace, a volume of the build, \
            or a named volume; copy files with 'docker cp'.
            """
        )
    }

    static func reservedImage(_ name: String) -> StepRefusal {
        StepRefusal("The image '\(name)' is everybody's: a build may use it, and give its own images other names.")
    }
}
