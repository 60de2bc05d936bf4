import APIServer
import CloudBuild
import Foundation
import IAM
import ImageCatalogue
import Workloads

/// The service accounts of builds, as IAM knows them.
struct BuildAccountsOfIAM: BuildAccounts {
    let iam: IAM

    func defaultAccount(of project: ProjectIdentity) async throws -> String {
        "\(project.number)@cloudbuild.gserviceaccount.com"
    }

    func accessToken(for account: String, lifetime: Duration) async throws -> String {
        try await iam.accessToken(
            for: account,
            scopes: ["https://www.googleapis.com/auth/cloud-platform"],
            lifetime: lifetime
        )
    }
}

/// The images of steps, as the catalogue finds or makes them.
struct BuilderImagesOfCatalogue: BuilderImages {
    let catalogue: ImageCatalogue

    func ensure(
        _ image: ImageReference,
        credential: RegistryCredential,
        progress: @escaping ProgressReport
    ) async throws {
        try await catalogue.ensure(image, credential: credential, progress: progress)
    }
}
