package import Foundation
package import NIOCore

/// What an engine knows of a workload. One that is gone has no parts: so ``WorkloadEngine/events()`` tells a removal.
package struct WorkloadStatus: Sendable, Equatable {
    package var name: WorkloadName
    package var labels: [String: String]
    package var parts: [Part]

    package struct Part: Sendable, Equatable {
        package var name: String
        package var state: State
        /// The address inside its network, while it has one. It may change when the part starts again.
        package var address: String?
        package var startTime: Date?
        package var endTime: Date?

        package init(name: String, state: State) {
            self.name = name
            self.state = state
        }
    }

    package enum State: Sendable, Equatable {
        /// Prepared, not started, or waiting for its turn.
        case waiting
        case running
        case ended(Exit)
        /// Left out because an earlier step failed.
        case skipped
        /// The engine cannot tell just now (a node is lost); it may come back, moved.
        case unknown(String)
    }

    package init(name: WorkloadName, labels: [String: String], parts: [Part]) {
        self.name = name
        self.labels = labels
        self.parts = parts
    }

    package subscript(part: String) -> Part? { parts.first { $0.name == part } }

    package var isRunning: Bool { parts.contains { $0.state == .running } }

    /// Whether no part runs or waits any more.
    package var hasEnded: Bool {
        parts.allSatisfy {
            switch $0.state {
            case .ended, .skipped: true
            case .waiting, .running, .unknown: false
            }
        }
    }
}

/// How a part ended.
package struct Exit: Sendable, Equatable {
    package enum Reason: String, Sendable {
        case exited, outOfMemory, timedOut, failedToStart
        /// It was ended because the disk ran full, and it held the most of what could be ended.
        case outOfDisk
        /// The machine asked to be started again, or to be switched off, from inside: the service that owns it starts
        /// it again, or records that it is off. A machine that was stopped from outside may say `poweredOff` too.
        case rebooted, poweredOff
    }

    package var code: Int32
    package var reason: Reason
    /// The engine's words, for ``Reason/failedToStart`` and ``Reason/outOfDisk``.
    package var message: String?

    package init(code: Int32, reason: Reason = .exited, message: String? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
    }
}

/// Some bytes that a part printed.
package struct LogChunk: Sendable, Equatable {
    package enum Stream: String, Sendable { case output, error }

    package var stream: Stream
    package var bytes: ByteBuffer

    package init(stream: Stream, bytes: ByteBuffer) {
        self.stream = stream
        self.bytes = bytes
    }
}
