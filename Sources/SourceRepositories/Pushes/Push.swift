package import APIServer
package import Foundation
package import GRDB

/// A change of one branch or tag.
package struct Push: Sendable, Equatable {
    package var project: ProjectIdentity
    /// The repository's name.
    package var repository: String
    /// `refs/heads/main`, `refs/tags/v1`.
    package var reference: String
    /// What it named before; nil: it is new.
    package var old: String?
    /// What it names now; nil: it was deleted. Of a tag with a message it is the tag's object, not its commit.
    package var new: String?
    package var time: Date
}

/// Hears of every push exactly once, whatever happens to the daemon.
package protocol PushRecorder: Sendable {
    /// Keeps pushes, in the transaction in which the repository's rows move.
    func record(_ pushes: [Push], in db: Database) throws
    /// That transaction is committed.
    func wake()
}
