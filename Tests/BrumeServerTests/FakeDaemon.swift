import BrumeServer
import Foundation

/// A data folder as a running daemon keeps it.
enum FakeDaemon {
    static func run(on folder: URL, port: Int, engineSocket: String?) throws {
        let data = try DataFolder(path: folder.path)
        try data.create()
        try data.takeLock()
        let socket = engineSocket.map { "\"\($0)\"" } ?? "null"
        let state = #"{"pid":7,"port":\#(port),"version":"1","startTime":0,"engineSocket":\#(socket)}"#
        try Data(state.utf8).write(to: URL(filePath: data.state))
    }
}
