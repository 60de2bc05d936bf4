import Hummingbird

/// The least that a server made of the same parts does for a request: the floor of small reads.
@main
struct Hello {
    static func main() async throws {
        let router = Router()
        router.get("hello") { _, _ in "hello" }
        let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
        try await Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: port))).run()
    }
}
