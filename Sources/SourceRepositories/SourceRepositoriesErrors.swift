import APIServer
import Foundation
import GoogleAPI
import HTTPTypes
import Hummingbird

extension GoogleError {
    static func repositoryMissing(_ name: String, in project: String) -> GoogleError {
        .notFound(
            "Requested entity was not found: projects/\(project)/repos/\(name). "
                + "Create it with 'gcloud source repos create \(name) --project=\(project)'."
        )
    }

    static func repositoryExists(_ name: String, in project: String) -> GoogleError {
        GoogleError(
            .alreadyExists,
            reason: "ALREADY_EXISTS",
            message: "A repository named '\(name)' already exists in project '\(project)'."
        )
    }

    static func badRepositoryName(_ name: String) -> GoogleError {
        .invalid(
            "The repository name '\(name)' is not valid: it must have 3 to 128 letters, digits, '-', '_' or '.', "
                + "begin with a letter, a digit or '_', and not end with '.git' or '.lock'.",
            reason: "INVALID_ARGUMENT"
        )
    }

    static let gitMissing = GoogleError(
        .failedPrecondition,
        reason: "FAILED_PRECONDITION",
        message: "Source repositories need git on the daemon's machine: 'brume doctor' says how to get it."
    )

    static func gitFailed(_ what: String) -> GoogleError {
        GoogleError(.internal, reason: "internalError", message: "git could not \(what).")
    }

    static func notFetched(_ url: String) -> GoogleError {
        GoogleError(
            .failedPrecondition,
            reason: "FAILED_PRECONDITION",
            message: "The repository at '\(url)' cannot be fetched: is it there, and may everybody read it?"
        )
    }

    static func policyChanged(_ name: String) -> GoogleError {
        GoogleError(
            .aborted,
            reason: "conflict",
            message: "The policy of '\(name)' was changed since it was read: read it again."
        )
    }
}

extension ErrorStyle {
    /// Plain text, which git shows to its user; a 401 asks for Basic credentials, as git's credential helpers give.
    static let git = ErrorStyle { error, call in
        var headers: HTTPFields = [.contentType: "text/plain; charset=UTF-8", .cacheControl: "no-cache"]
        if error.code == 401 { headers[.wwwAuthenticate] = "Basic realm=\"Brume\"" }
        return Response(
            status: .init(code: error.code),
            headers: headers,
            body: .init(byteBuffer: .init(string: error.message + "\n"))
        )
    }
}
