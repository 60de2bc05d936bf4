import ArtifactRegistry
import AsyncHTTPClient
import Foundation
import Gateway
import HTTPTypes
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization

/// Fetches from registries elsewhere, through the proxy by which the machine reaches the internet, if it has one.
final class RemoteRegistryFetcher: RemoteFetcher, Service {
    private let gateway: Gateway
    /// By proxy; nil: without one.
    private let clients = Mutex<[Gateway.Proxy?: HTTPClient]>([:])

    init(gateway: Gateway) { self.gateway = gateway }

    func fetch(_ method: HTTPRequest.Method, _ url: URL, headers: HTTPFields) async throws -> RemoteAnswer {
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = .init(rawValue: method.rawValue)
        for field in headers { request.headers.add(name: field.name.rawName, value: field.value) }
        // A large layer may take hours; what stops coming is given up by the client's own limits.
        let response = try await client(for: url).execute(request, timeout: .hours(12))
        var fields = HTTPFields()
        for (name, value) in response.headers {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        let reader = OneReader(response.body.makeAsyncIterator())
        return RemoteAnswer(
            status: Int(response.status.code),
            headers: fields,
            body: AsyncThrowingStream { try await reader.next() }
        )
    }

    private func client(for url: URL) -> HTTPClient {
        let isSecure = url.scheme == "https"
        let proxy = gateway.proxy(to: url.host() ?? "", port: url.port ?? (isSecure ? 443 : 80), isSecure: isSecure)
        return clients.withLock { clients in
            if let known = clients[proxy] { return known }
            var configuration = HTTPClient.Configuration()
            configuration.redirectConfiguration = .follow(max: 5, allowCycles: false)
            configuration.timeout = .init(connect: .seconds(10), read: .seconds(60))
            // What was fetched before is served at once while a host refuses.
            configuration.connectionPool.retryConnectionEstablishment = false
            configuration.proxy = proxy.map { proxy in
                .server(
                    host: proxy.host,
                    port: proxy.port,
                    authorization: proxy.basicCredentials.map { .basic(credentials: $0) }
                )
            }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[proxy] = client
            return client
        }
    }

    /// Waits for the end of the daemon, and closes what is open.
    func run() async throws {
        try? await gracefulShutdown()
        for client in clients.withLock({ Array($0.values) }) { try? await client.shutdown() }
    }
}
