import Workloads

/// The day of the catalogue's present images: it names Compute Engine images (`…-v20261110`) and dates them.
private let day = (digits: "20261110", time: "2026-11-10T00:00:00.000-08:00")

extension CatalogueEntry {
    /// Every image of the catalogue; what others are built on comes first.
    package static let table: [CatalogueEntry] = [
        CatalogueEntry(
            name: "debian-12-base",
            summary: "Debian 12, the least of it: what the other images are built on",
            recipe: Recipe(folder: "base", kind: .root(of: .bookworm), version: 1)
        ),
        CatalogueEntry(
            name: "debian-12",
            summary: "Debian 12 for instances: systemd, Python, git, curl, sudo",
            computeImages: [
                ComputeImage(
                    project: "debian-cloud",
                    name: "debian-12-bookworm-v\(day.digits)",
                    families: ["debian-12"],
                    description: "Debian, Debian GNU/Linux, 12 (bookworm), amd64 built on \(day.digits)",
                    diskSizeGb: 10,
                    creationTimestamp: day.time
                )
            ],
            recipe: Recipe(folder: "instance", kind: .layer(on: "debian-12-base"), version: 2),
            hostTools: [.cloudSDK]
        ),
        CatalogueEntry(
            name: "debian-12-container",
            summary: "Debian 12 as a container image",
            references: ["debian:12", "debian:12-slim", "debian:bookworm", "debian:bookworm-slim"],
            upstream: "docker.io/library/debian:bookworm-slim",
            recipe: Recipe(folder: "debian-12-container", kind: .layer(on: "debian-12-base"), version: 1)
        ),
        CatalogueEntry(
            name: "python-3.11",
            summary: "Python 3.11 with pip, on Debian 12",
            references: [
                "python:3", "python:3-slim", "python:3.11", "python:3.11-slim", "python:3.11-bookworm",
                "python:3.11-slim-bookworm",
            ],
            upstream: "docker.io/library/python:3.11-slim",
            recipe: Recipe(folder: "python-3.11", kind: .layer(on: "debian-12-base"), version: 1)
        ),
        CatalogueEntry(
            name: "sklearn",
            summary: "scikit-learn, pandas and the Cloud Storage client: Vertex AI's training image",
            references: trainingReferences(["sklearn-cpu", "scikit-learn-cpu"], versions: ["1-6"])
                + ["gcr.io/deeplearning-platform-release/sklearn-cpu"],
            recipe: Recipe(folder: "sklearn", kind: .layer(on: "python-3.11"), version: 1)
        ),
        CatalogueEntry(
            name: "pytorch",
            summary: "PyTorch, on the Debian 12 of instances",
            references: [
                "gcr.io/deeplearning-platform-release/pytorch-cpu",
                "gcr.io/deeplearning-platform-release/pytorch-gpu",
                "us-docker.pkg.dev/deeplearning-platform-release/gcr.io/pytorch-cpu",
            ],
            computeImages: [
                ComputeImage(
                    project: "deeplearning-platform-release",
                    name: "pytorch-latest-cpu-v\(day.digits)-debian-12",
                    families: [
                        "pytorch-latest-cpu", "pytorch-latest-cpu-debian-12", "common-cpu", "common-cpu-debian-12",
                    ],
                    description: "Google, Deep Learning VM: PyTorch CPU, Debian 12, PyTorch preinstalled.",
                    diskSizeGb: 50,
                    creationTimestamp: day.time
                ),
                // One image for both: the package index's torch uses the cards that it finds, and runs without.
                ComputeImage(
                    project: "deeplearning-platform-release",
                    name: "pytorch-latest-gpu-v\(day.digits)-debian-12",
                    families: ["pytorch-latest-gpu", "pytorch-latest-gpu-debian-12"],
                    description: "Google, Deep Learning VM: PyTorch, CUDA, Debian 12, PyTorch preinstalled.",
                    diskSizeGb: 50,
                    creationTimestamp: day.time
                ),
            ],
            recipe: Recipe(folder: "pytorch", kind: .layer(on: "debian-12"), version: 1),
            hostTools: [.cloudSDK]
        ),
        CatalogueEntry(
            name: "cloud-builders-docker",
            summary: "Docker's client as a build step",
            references: ["gcr.io/cloud-builders/docker", "docker:cli"],
            recipe: Recipe(folder: "cloud-builders-docker", kind: .layer(on: "debian-12-base"), version: 1)
        ),
        CatalogueEntry(
            name: "cloud-builders-git",
            summary: "git as a build step",
            references: ["gcr.io/cloud-builders/git"],
            recipe: Recipe(folder: "cloud-builders-git", kind: .layer(on: "cloud-builders-docker"), version: 1)
        ),
        CatalogueEntry(
            name: "cloud-sdk",
            summary: "The Google Cloud CLI of this machine",
            references: [
                "gcr.io/google.com/cloudsdktool/cloud-sdk", "gcr.io/google.com/cloudsdktool/cloud-sdk:slim",
                "gcr.io/google.com/cloudsdktool/google-cloud-cli", "google/cloud-sdk", "google/cloud-sdk:slim",
            ],
            recipe: Recipe(folder: "cloud-sdk", kind: .layer(on: "debian-12-base"), version: 1),
            hostTools: [.cloudSDK]
        ),
        CatalogueEntry(
            name: "cloud-builders-gcloud",
            summary: "gcloud as a build step",
            references: ["gcr.io/cloud-builders/gcloud"],
            recipe: Recipe(folder: "cloud-builders-gcloud", kind: .layer(on: "debian-12-base"), version: 1),
            hostTools: [.cloudSDK]
        ),
        CatalogueEntry(
            name: "cloud-builders-gsutil",
            summary: "gsutil as a build step",
            references: ["gcr.io/cloud-builders/gsutil"],
            recipe: Recipe(folder: "cloud-builders-gsutil", kind: .layer(on: "debian-12-base"), version: 1),
            hostTools: [.cloudSDK]
        ),
        CatalogueEntry(
            name: "busybox",
            summary: "BusyBox",
            references: ["busybox", "busybox:stable"],
            upstream: "docker.io/library/busybox:latest",
            recipe: Recipe(folder: "busybox", kind: .files, version: 1)
        ),
        CatalogueEntry(
            name: "cos-stable",
            summary:
                "What stands for Container-Optimized OS: Debian 12 with a Docker Engine inside, on a kernel of its own",
            computeImages: [
                ComputeImage(
                    project: "cos-cloud",
                    name: "cos-stable-121-18867-0-1",
                    families: ["cos-stable", "cos-121-lts"],
                    description: "Google, Container-Optimized OS, 121-18867.0.1 stable, supports Shielded VM features",
                    diskSizeGb: 10,
                    creationTimestamp: day.time
                )
            ],
            recipe: Recipe(folder: "cos-stable", kind: .layer(on: "debian-12"), version: 2),
            hostTools: [.cloudSDK],
            wantsOwnKernel: true
        ),
        ubuntuBase("22.04", of: .jammy),
        ubuntu("22.04", of: .jammy, image: "ubuntu-2204-jammy", families: ["ubuntu-2204-lts"]),
        ubuntuBase("24.04", of: .noble),
        ubuntu(
            "24.04",
            of: .noble,
            image: "ubuntu-2404-noble-amd64",
            families: ["ubuntu-2404-lts-amd64", "ubuntu-2404-lts"],
            license: "ubuntu-2404-lts"
        ),
    ]

    private static func ubuntuBase(_ version: String, of distribution: Distribution) -> CatalogueEntry {
        CatalogueEntry(
            name: "ubuntu-\(version)-base",
            summary: "Ubuntu \(version), the least of it",
            recipe: Recipe(folder: "base", kind: .root(of: distribution), version: 1)
        )
    }

    /// What the Debian 12 of instances is, of Ubuntu's packages.
    private static func ubuntu(
        _ version: String,
        of distribution: Distribution,
        image: String,
        families: [String],
        license: String? = nil
    ) -> CatalogueEntry {
        CatalogueEntry(
            name: "ubuntu-\(version)",
            summary: "Ubuntu \(version) for instances: systemd, Python, git, curl, sudo",
            computeImages: [
                ComputeImage(
                    project: "ubuntu-os-cloud",
                    name: "\(image)-v\(day.digits)",
                    families: families,
                    licenseName: license,
                    description: "Canonical, Ubuntu, \(version) LTS, amd64 \(distribution.suite) image built on "
                        + day.time.prefix(10),
                    diskSizeGb: 10,
                    creationTimestamp: day.time
                )
            ],
            recipe: Recipe(folder: "instance", kind: .layer(on: "ubuntu-\(version)-base"), version: 1),
            hostTools: [.cloudSDK]
        )
    }

    /// The names of Vertex AI's training images: three regions' registries, and one tag only.
    ///
    /// [Prebuilt containers](https://docs.cloud.google.com/vertex-ai/docs/training/pre-built-containers)
    private static func trainingReferences(_ kinds: [String], versions: [String]) -> [ImageReference] {
        var references: [ImageReference] = []
        for region in ["us", "europe", "asia"] {
            for kind in kinds {
                for version in versions {
                    for python in ["", ".py310", ".py311"] {
                        references.append(
                            ImageReference(
                                "\(region)-docker.pkg.dev/vertex-ai/training/\(kind).\(version)\(python):latest"
                            )
                        )
                    }
                }
            }
        }
        return references
    }
}
