import APIServer
import Foundation
import GoogleAPI

/// A connection to a host of repositories, such as GitHub: its row.
struct Connection: Sendable, Equatable {
    var project: ProjectIdentity
    var location: String
    var id: String
    var createTime: Date
    var document: JSON
    /// By what a webhook's caller names the connection.
    var webhookKey: String
    /// With what GitHub signs its calls.
    var webhookSecret: String

    var name: String { "projects/\(project.id)/locations/\(location)/connections/\(id)" }
}

/// A repository of a connection: its row.
struct ConnectedRepository: Sendable, Equatable {
    var connection: String
    var id: String
    var remote: String
    var createTime: Date

    var name: String { "\(connection)/repositories/\(id)" }

    var document: JSON {
        [
            "name": .string(name), "remoteUri": .string(remote), "createTime": .string(Timestamp.text(createTime)),
            "updateTime": .string(Timestamp.text(createTime)), "etag": .string(id),
        ]
    }
}
