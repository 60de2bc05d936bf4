/// A service that a project can switch on.
struct ServedService: Sendable {
    /// `compute.googleapis.com`.
    var name: String
    var title: String
    /// Whether new projects have it on.
    var isDefault: Bool

    static func named(_ name: String) -> ServedService? { all.first { $0.name == name } }

    /// What Brume serves, by name.
    static let all: [ServedService] = [
        ServedService(name: "aiplatform.googleapis.com", title: "Vertex AI API", isDefault: false),
        ServedService(name: "artifactregistry.googleapis.com", title: "Artifact Registry API", isDefault: false),
        // What gcloud switches on in every project that it makes.
        ServedService(name: "cloudapis.googleapis.com", title: "Google Cloud APIs", isDefault: true),
        ServedService(name: "cloudbuild.googleapis.com", title: "Cloud Build API", isDefault: false),
        ServedService(
            name: "cloudresourcemanager.googleapis.com",
            title: "Cloud Resource Manager API",
            isDefault: true
        ),
        ServedService(name: "compute.googleapis.com", title: "Compute Engine API", isDefault: false),
        ServedService(name: "containerregistry.googleapis.com", title: "Container Registry API", isDefault: false),
        ServedService(name: "iam.googleapis.com", title: "Identity and Access Management (IAM) API", isDefault: true),
        ServedService(
            name: "iamcredentials.googleapis.com",
            title: "IAM Service Account Credentials API",
            isDefault: true
        ),
        ServedService(name: "logging.googleapis.com", title: "Cloud Logging API", isDefault: true),
        ServedService(name: "oslogin.googleapis.com", title: "Cloud OS Login API", isDefault: false),
        ServedService(name: "secretmanager.googleapis.com", title: "Secret Manager API", isDefault: false),
        ServedService(name: "serviceusage.googleapis.com", title: "Service Usage API", isDefault: true),
        ServedService(name: "sourcerepo.googleapis.com", title: "Cloud Source Repositories API", isDefault: false),
        ServedService(name: "storage-api.googleapis.com", title: "Google Cloud Storage JSON API", isDefault: true),
        ServedService(name: "storage-component.googleapis.com", title: "Cloud Storage", isDefault: true),
        ServedService(name: "storage.googleapis.com", title: "Cloud Storage API", isDefault: true),
    ]
}
