package import GRDB
package import GoogleAPI

/// A row that finds no room is told as an object that finds none; any other failure of the database is internal.
extension DatabaseError: GoogleErrorConvertible {
    package var googleError: GoogleError {
        resultCode == .SQLITE_FULL
            ? .diskFull : GoogleError(.internal, reason: "internalError", message: "Internal error.")
    }
}
