extension Role {
    /// What no basic role but the owner's holds.
    private static let ownersOnly = [
        "*.setIamPolicy", "resourcemanager.projects.delete", "resourcemanager.projects.undelete",
        "resourcemanager.projects.setIamPolicy", "iam.serviceAccounts.setIamPolicy",
    ]
    /// To speak in an account's name takes a role on the account, even for owners.
    private static let impersonation = [
        "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken",
        "iam.serviceAccounts.implicitDelegation",
        "iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt",
    ]
    private static let seeing = ["resourcemanager.projects.get", "serviceusage.services.use"]
    private static let objectReading = [
        "storage.objects.get", "storage.objects.list", "storage.folders.get", "storage.folders.list",
        "storage.managedFolders.get", "storage.managedFolders.list",
    ]
    private static let objectWriting = [
        "storage.objects.create", "storage.objects.delete", "storage.objects.update", "storage.objects.move",
        "storage.objects.restore", "storage.multipartUploads.*", "storage.folders.*", "storage.managedFolders.create",
        "storage.managedFolders.delete",
    ]
    private static let imageReading = [
        "artifactregistry.*.get", "artifactregistry.*.list", "artifactregistry.*.listEffectiveTags",
        "artifactregistry.*.listTagBindings", "artifactregistry.repositories.downloadArtifacts",
        "artifactregistry.files.download",
        "artifactregistry.repositories.readViaVirtualRepository",
    ]
    private static let imageWriting =
        imageReading + [
            "artifactregistry.repositories.uploadArtifacts", "artifactregistry.tags.create",
            "artifactregistry.tags.update",
            "artifactregistry.aptartifacts.create", "artifactregistry.pythonpackages.*",
            "artifactregistry.dockerimages.*",
        ]

    /// Every role that Brume knows, see [roles](https://docs.cloud.google.com/iam/docs/roles-permissions).
    static let all: [Role] = [
        // Basic
        Role("roles/owner", "Owner", "Full access to most resources.", ["*"], except: impersonation),
        Role(
            "roles/editor",
            "Editor",
            "View, create, update, and delete most resources.",
            ["*"],
            except: impersonation + ownersOnly + ["secretmanager.versions.access"]
        ),
        Role(
            "roles/viewer",
            "Viewer",
            "View most resources.",
            [
                "*.get", "*.list", "*.getIamPolicy", "*.download", "*.downloadArtifacts", "*.getSerialPortOutput",
                "*.getGuestAttributes",
                "*.queryLogs", "*.read", "logging.*.list", "serviceusage.services.use",
            ],
            except: ["logging.privateLogEntries.list"]
        ),
        Role(
            "roles/browser",
            "Browser",
            "Access to browse projects.",
            ["resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy", "resourcemanager.projects.list"]
        ),

        // Cloud Storage
        Role("roles/storage.admin", "Storage Admin", "Full control of buckets and objects.", ["storage.*"] + seeing),
        Role(
            "roles/storage.objectAdmin",
            "Storage Object Admin",
            "Full control of objects.",
            ["storage.objects.*"] + objectReading + objectWriting + seeing
        ),
        Role(
            "roles/storage.objectUser",
            "Storage Object User",
            "Create, read, update and delete objects.",
            objectReading + objectWriting + seeing
        ),
        Role("roles/storage.objectViewer", "Storage Object Viewer", "Read and list objects.", objectReading + seeing),
        Role(
            "roles/storage.objectCreator",
            "Storage Object Creator",
            "Create objects.",
            [
                "storage.objects.create", "storage.multipartUploads.abort", "storage.multipartUploads.create",
                "storage.multipartUploads.listParts", "storage.folders.create", "storage.managedFolders.create",
            ] + seeing
        ),
        Role(
            "roles/storage.bucketViewer",
            "Storage Bucket Viewer",
            "View buckets and their metadata, without policies.",
            ["storage.buckets.get", "storage.buckets.list"]
        ),
        Role(
            "roles/storage.insightsCollectorService",
            "Storage Insights Collector Service",
            "Read-only access to metadata.",
            ["storage.buckets.get", "storage.objects.getIamPolicy", "storage.objects.list"]
        ),
        Role(
            "roles/storage.legacyBucketReader",
            "Storage Legacy Bucket Reader",
            "Read bucket metadata and list objects.",
            [
                "storage.buckets.get", "storage.objects.list", "storage.managedFolders.get",
                "storage.managedFolders.list",
                "storage.multipartUploads.list",
            ]
        ),
        Role(
            "roles/storage.legacyBucketWriter",
            "Storage Legacy Bucket Writer",
            "Create, overwrite, delete and list objects.",
            [
                "storage.buckets.get", "storage.objects.create", "storage.objects.delete", "storage.objects.list",
                "storage.objects.restore", "storage.multipartUploads.*", "storage.managedFolders.*",
                "storage.folders.*",
            ]
        ),
        Role(
            "roles/storage.legacyBucketOwner",
            "Storage Legacy Bucket Owner",
            "Read and write a bucket with its policy.",
            [
                "storage.buckets.get", "storage.buckets.update", "storage.buckets.getIamPolicy",
                "storage.buckets.setIamPolicy",
                "storage.buckets.enableObjectRetention", "storage.objects.create", "storage.objects.delete",
                "storage.objects.list", "storage.objects.restore", "storage.objects.setRetention",
                "storage.multipartUploads.*",
                "storage.managedFolders.*", "storage.folders.*",
            ]
        ),
        Role(
            "roles/storage.legacyObjectReader",
            "Storage Legacy Object Reader",
            "Read objects, without listing.",
            ["storage.objects.get"]
        ),
        Role(
            "roles/storage.legacyObjectOwner",
            "Storage Legacy Object Owner",
            "Read and change objects' metadata and policy.",
            [
                "storage.objects.get", "storage.objects.update", "storage.objects.getIamPolicy",
                "storage.objects.setIamPolicy", "storage.objects.overrideUnlockedRetention",
                "storage.objects.setRetention",
            ]
        ),

        // Artifact Registry
        Role(
            "roles/artifactregistry.admin",
            "Artifact Registry Administrator",
            "Create and manage repositories.",
            ["artifactregistry.*"] + seeing
        ),
        Role(
            "roles/artifactregistry.repoAdmin",
            "Artifact Registry Repository Administrator",
            "Manage artifacts.",
            imageWriting + [
                "artifactregistry.*.delete", "artifactregistry.repositories.deleteArtifacts",
                "artifactregistry.versions.*", "artifactregistry.tags.*", "artifactregistry.packages.*",
                "artifactregistry.files.*",
            ]
        ),
        Role("roles/artifactregistry.writer", "Artifact Registry Writer", "Read and write artifacts.", imageWriting),
        Role("roles/artifactregistry.reader", "Artifact Registry Reader", "View and get artifacts.", imageReading),
        Role(
            "roles/artifactregistry.createOnPushWriter",
            "Artifact Registry Create-on-Push Writer",
            "Read and write artifacts, and create gcr.io repositories.",
            imageWriting + ["artifactregistry.repositories.createOnPush", "artifactregistry.repositories.create"]
        ),

        // Source repositories
        Role("roles/source.admin", "Source Repository Administrator", "Full control of repositories.", ["source.*"]),
        Role(
            "roles/source.writer",
            "Source Repository Writer",
            "Read and push to repositories.",
            ["source.repos.get", "source.repos.list", "source.repos.update"]
        ),
        Role(
            "roles/source.reader",
            "Source Repository Reader",
            "Read repositories.",
            ["source.repos.get", "source.repos.list"]
        ),

        // Compute Engine
        Role(
            "roles/compute.admin",
            "Compute Admin",
            "Full control of all Compute Engine resources.",
            ["compute.*"] + seeing
        ),
        Role(
            "roles/compute.instanceAdmin.v1",
            "Compute Instance Admin (v1)",
            "Full control of instances and disks.",
            [
                "compute.instances.*", "compute.disks.*", "compute.images.*", "compute.snapshots.*",
                "compute.instanceGroups.*",
                "compute.instanceGroupManagers.*", "compute.instanceTemplates.*", "compute.acceleratorTypes.*",
                "compute.machineTypes.*", "compute.*.get", "compute.*.list",
                "compute.projects.setCommonInstanceMetadata",
                "compute.subnetworks.use", "compute.subnetworks.useExternalIp", "compute.networks.use",
                "compute.networks.useExternalIp", "compute.addresses.use",
            ] + seeing
        ),
        Role(
            "roles/compute.viewer",
            "Compute Viewer",
            "Read-only access to Compute Engine.",
            [
                "compute.*.get", "compute.*.list", "compute.*.getIamPolicy", "compute.instances.getSerialPortOutput",
                "compute.instances.getGuestAttributes", "compute.instances.getScreenshot",
            ] + seeing
        ),
        Role(
            "roles/compute.networkAdmin",
            "Compute Network Admin",
            "Full control of networking resources.",
            [
                "compute.networks.*", "compute.subnetworks.*", "compute.firewalls.get", "compute.firewalls.list",
                "compute.addresses.*", "compute.globalAddresses.*", "compute.routes.*", "compute.*.get",
                "compute.*.list",
            ] + seeing
        ),
        Role(
            "roles/compute.securityAdmin",
            "Compute Security Admin",
            "Full control of firewall rules and certificates.",
            ["compute.firewalls.*", "compute.firewallPolicies.*", "compute.*.get", "compute.*.list"] + seeing
        ),
        Role(
            "roles/compute.osLogin",
            "Compute OS Login",
            "Sign in to instances as a standard user.",
            ["compute.instances.osLogin", "compute.instances.get", "compute.instances.list", "compute.projects.get"]
        ),
        Role(
            "roles/compute.osAdminLogin",
            "Compute OS Admin Login",
            "Sign in to instances as an administrator.",
            [
                "compute.instances.osLogin", "compute.instances.osAdminLogin", "compute.instances.get",
                "compute.instances.list", "compute.projects.get",
            ]
        ),
        Role(
            "roles/iap.tunnelResourceAccessor",
            "IAP-secured Tunnel User",
            "Open tunnels to instances.",
            ["iap.tunnelInstances.accessViaIAP"]
        ),

        // Cloud Build
        Role(
            "roles/cloudbuild.builds.builder",
            "Cloud Build Service Account",
            "Perform builds.",
            [
                "cloudbuild.builds.*", "storage.buckets.create", "storage.buckets.get", "storage.buckets.list",
                "storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list",
                "storage.objects.update", "logging.logEntries.create", "logging.logEntries.list",
                "pubsub.topics.create",
                "pubsub.topics.publish", "source.repos.get", "source.repos.list", "containeranalysis.*",
                "artifactregistry.repositories.createOnPush", "remotebuildexecution.blobs.get",
            ] + imageWriting + seeing,
            except: ["cloudbuild.builds.approve"]
        ),
        Role(
            "roles/cloudbuild.builds.editor",
            "Cloud Build Editor",
            "Create and cancel builds.",
            ["cloudbuild.*"] + seeing,
            except: ["cloudbuild.builds.approve"]
        ),
        Role(
            "roles/cloudbuild.builds.approver",
            "Cloud Build Approver",
            "Approve and reject builds.",
            ["cloudbuild.builds.approve", "cloudbuild.builds.get", "cloudbuild.builds.list"] + seeing
        ),
        Role(
            "roles/cloudbuild.builds.viewer",
            "Cloud Build Viewer",
            "View builds.",
            ["cloudbuild.*.get", "cloudbuild.*.list"] + seeing
        ),
        Role(
            "roles/cloudbuild.connectionAdmin",
            "Cloud Build Connection Admin",
            "Manage connections and repositories.",
            ["cloudbuild.connections.*", "cloudbuild.repositories.*"] + seeing
        ),
        Role(
            "roles/source.admin",
            "Source Repository Administrator",
            "Full control of source repositories.",
            ["source.*"]
        ),
        Role(
            "roles/source.writer",
            "Source Repository Writer",
            "Read and write repositories.",
            ["source.repos.get", "source.repos.list", "source.repos.update"]
        ),
        Role(
            "roles/source.reader",
            "Source Repository Reader",
            "Read repositories.",
            ["source.repos.get", "source.repos.list"]
        ),

        // Secret Manager
        Role(
            "roles/secretmanager.admin",
            "Secret Manager Admin",
            "Full access to administer Secret Manager resources.",
            ["secretmanager.*"] + seeing
        ),
        Role(
            "roles/secretmanager.secretAccessor",
            "Secret Manager Secret Accessor",
            "Allows accessing the payload of secrets.",
            ["secretmanager.versions.access"] + seeing
        ),
        Role(
            "roles/secretmanager.secretVersionAdder",
            "Secret Manager Secret Version Adder",
            "Allows adding versions to existing secrets.",
            ["secretmanager.versions.add"] + seeing
        ),
        Role(
            "roles/secretmanager.secretVersionManager",
            "Secret Manager Secret Version Manager",
            "Allows creating and managing versions of existing secrets.",
            ["secretmanager.versions.*"] + seeing,
            except: ["secretmanager.versions.access"]
        ),
        Role(
            "roles/secretmanager.viewer",
            "Secret Manager Viewer",
            "Allows viewing metadata of all Secret Manager resources.",
            ["secretmanager.*.get", "secretmanager.*.list", "secretmanager.*.getIamPolicy"] + seeing
        ),

        // Vertex AI
        Role(
            "roles/aiplatform.admin",
            "Vertex AI Administrator",
            "Full access to all resources in Vertex AI.",
            ["aiplatform.*"] + seeing
        ),
        Role(
            "roles/aiplatform.user",
            "Vertex AI User",
            "Use all resources in Vertex AI.",
            ["aiplatform.*"] + seeing,
            except: ["*.setIamPolicy"]
        ),
        Role(
            "roles/aiplatform.viewer",
            "Vertex AI Viewer",
            "View all resources in Vertex AI.",
            ["aiplatform.*.get", "aiplatform.*.list"] + seeing
        ),
        Role(
            "roles/aiplatform.customCodeServiceAgent",
            "Vertex AI Custom Code Service Agent",
            "Gives custom code of Vertex AI the permissions that it needs.",
            [
                "aiplatform.*", "logging.logEntries.create", "storage.buckets.create", "storage.buckets.get",
                "storage.buckets.list", "storage.objects.*", "storage.multipartUploads.*", "bigquery.*",
            ] + imageReading + seeing,
            except: ["*.setIamPolicy"]
        ),
        Role(
            "roles/aiplatform.serviceAgent",
            "Vertex AI Service Agent",
            "Gives Vertex AI the permissions that it needs.",
            [
                "aiplatform.*", "logging.logEntries.create", "storage.buckets.*", "storage.objects.*",
                "iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken",
            ] + imageReading + seeing,
            except: ["*.setIamPolicy"]
        ),

        // Logging
        Role("roles/logging.admin", "Logging Admin", "Full access to Cloud Logging.", ["logging.*"] + seeing),
        Role(
            "roles/logging.logWriter",
            "Logs Writer",
            "Write logs.",
            ["logging.logEntries.create", "logging.logEntries.route"]
        ),
        Role(
            "roles/logging.viewer",
            "Logs Viewer",
            "View logs.",
            ["logging.*.get", "logging.*.list", "logging.*.download", "logging.queries.*"] + seeing,
            except: ["logging.privateLogEntries.list"]
        ),
        Role(
            "roles/monitoring.metricWriter",
            "Monitoring Metric Writer",
            "Write metrics.",
            [
                "monitoring.metricDescriptors.*", "monitoring.timeSeries.create",
                "monitoring.monitoredResourceDescriptors.*",
            ]
        ),

        // IAM, projects and services
        Role(
            "roles/iam.serviceAccountAdmin",
            "Service Account Admin",
            "Create and manage service accounts.",
            ["iam.serviceAccounts.*", "resourcemanager.projects.get", "resourcemanager.projects.list"],
            except: impersonation + ["iam.serviceAccounts.actAs"]
        ),
        Role(
            "roles/iam.serviceAccountCreator",
            "Create Service Accounts",
            "Create service accounts.",
            [
                "iam.serviceAccounts.create", "iam.serviceAccounts.get", "iam.serviceAccounts.list",
                "resourcemanager.projects.get", "resourcemanager.projects.list",
            ]
        ),
        Role(
            "roles/iam.serviceAccountKeyAdmin",
            "Service Account Key Admin",
            "Create and manage service account keys.",
            [
                "iam.serviceAccountKeys.*", "iam.serviceAccounts.get", "iam.serviceAccounts.list",
                "resourcemanager.projects.get", "resourcemanager.projects.list",
            ]
        ),
        Role(
            "roles/iam.serviceAccountUser",
            "Service Account User",
            "Run operations as the service account.",
            [
                "iam.serviceAccounts.actAs", "iam.serviceAccounts.get", "iam.serviceAccounts.list",
                "resourcemanager.projects.get", "resourcemanager.projects.list",
            ]
        ),
        Role(
            "roles/iam.serviceAccountTokenCreator",
            "Service Account Token Creator",
            "Impersonate service accounts: make tokens, sign blobs and JWTs.",
            impersonation + [
                "iam.serviceAccounts.get", "iam.serviceAccounts.list", "resourcemanager.projects.get",
                "resourcemanager.projects.list",
            ]
        ),
        Role(
            "roles/iam.serviceAccountOpenIdTokenCreator",
            "Service Account OpenID Connect Identity Token Creator",
            "Make OpenID Connect tokens.",
            ["iam.serviceAccounts.getOpenIdToken"]
        ),
        Role(
            "roles/iam.serviceAccountViewer",
            "View Service Accounts",
            "Read access to service accounts and keys.",
            [
                "iam.serviceAccountKeys.get", "iam.serviceAccountKeys.list", "iam.serviceAccounts.get",
                "iam.serviceAccounts.getIamPolicy", "iam.serviceAccounts.list", "resourcemanager.projects.get",
                "resourcemanager.projects.list",
            ]
        ),
        Role(
            "roles/iam.workloadIdentityUser",
            "Workload Identity User",
            "Impersonate service accounts from workloads.",
            [
                "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken", "iam.serviceAccounts.get",
                "iam.serviceAccounts.list",
            ]
        ),
        Role(
            "roles/iam.roleViewer",
            "Role Viewer",
            "Read access to roles.",
            [
                "iam.roles.get", "iam.roles.list", "resourcemanager.projects.get",
                "resourcemanager.projects.getIamPolicy",
            ]
        ),
        Role(
            "roles/iam.securityAdmin",
            "Security Admin",
            "Get and set any policy.",
            ["*.getIamPolicy", "*.setIamPolicy", "*.list", "iam.roles.*", "resourcemanager.projects.get"]
        ),
        Role(
            "roles/iam.securityReviewer",
            "Security Reviewer",
            "List all resources and their policies.",
            ["*.getIamPolicy", "*.list", "resourcemanager.projects.get"]
        ),
        Role(
            "roles/resourcemanager.projectIamAdmin",
            "Project IAM Admin",
            "Manage the policies of projects.",
            [
                "resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy",
                "resourcemanager.projects.setIamPolicy",
                "iam.policybindings.get", "iam.policybindings.list",
            ]
        ),
        Role(
            "roles/resourcemanager.projectDeleter",
            "Project Deleter",
            "Delete projects.",
            ["resourcemanager.projects.delete"]
        ),
        Role(
            "roles/resourcemanager.projectMover",
            "Project Mover",
            "Update and move projects.",
            ["resourcemanager.projects.get", "resourcemanager.projects.move", "resourcemanager.projects.update"]
        ),
        Role(
            "roles/serviceusage.serviceUsageAdmin",
            "Service Usage Admin",
            "Enable, disable and inspect services.",
            ["serviceusage.*", "resourcemanager.projects.get"]
        ),
        Role(
            "roles/serviceusage.serviceUsageConsumer",
            "Service Usage Consumer",
            "Inspect and use services.",
            [
                "serviceusage.services.get", "serviceusage.services.list", "serviceusage.services.use",
                "serviceusage.quotas.get", "serviceusage.operations.get", "resourcemanager.projects.get",
            ]
        ),
        Role(
            "roles/serviceusage.serviceUsageViewer",
            "Service Usage Viewer",
            "Inspect services.",
            [
                "serviceusage.services.get", "serviceusage.services.list", "serviceusage.quotas.get",
                "serviceusage.operations.get", "resourcemanager.projects.get",
            ]
        ),
        Role(
            "roles/pubsub.publisher",
            "Pub/Sub Publisher",
            "Publish messages to topics.",
            ["pubsub.topics.publish"]
        ),
        Role(
            "roles/secretmanager.secretAccessor",
            "Secret Manager Secret Accessor",
            "Read the payloads of secrets.",
            ["secretmanager.versions.access", "resourcemanager.projects.get", "resourcemanager.projects.list"]
        ),
    ]
}
