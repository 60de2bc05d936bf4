import Foundation

/// The main job, told as a user would type it: data into a bucket, a machine that reads it, an image that trains on
/// it, a job that runs the image, and the model in the bucket.
struct Journey {
    var project: String
    /// Makes the names of this walk new.
    var suffix: String

    private var bucket: String { "\(project)-digits-\(suffix)" }
    private var machine: String { "vm-\(suffix)" }
    private var repository: String { "digits-\(suffix)" }
    private var image: String { "gcr.io/\(project)/digits-trainer" }
    private let zone = "europe-west1-b"
    private let region = "europe-west1"

    var chapters: [Chapter] { [project_, storage, versions, compute, build, trigger, training, farewell, bill] }

    private var project_: Chapter {
        Chapter(
            title: "The project and its services",
            clients: ["gcloud"],
            steps: [
                Step("gcloud config list --format='value(core.project)'", prints: project),
                Step("gcloud services enable containerregistry.googleapis.com"),
                Step(
                    "gcloud services list --enabled --format='value(config.name)'",
                    prints: "containerregistry.googleapis.com"
                ),
            ]
        )
    }

    private var storage: Chapter {
        Chapter(
            title: "The handwritten digits, into a bucket",
            clients: ["gsutil", "python"],
            steps: [
                Step("python make_digits.py digits.csv", prints: "1797 digits"),
                Step("gsutil mb -l \(region) gs://\(bucket)"),
                Step("gsutil ls", prints: "gs://\(bucket)/"),
                Step("gsutil cp digits.csv gs://\(bucket)/data/digits.csv"),
                Step(
                    "gsutil cat gs://\(bucket)/data/digits.csv | cmp - digits.csv && echo 'the same bytes'",
                    prints: "the same bytes"
                ),
            ]
        )
    }

    private var versions: Chapter {
        Chapter(
            title: "The same data under version control, with DVC",
            clients: ["dvc", "git"],
            steps: [
                Step(
                    """
                    mkdir -p repo && cd repo && git init -q . && git config user.name me && git config user.email me@localhost
                    dvc init -q && cp ../digits.csv . && dvc add -q digits.csv
                    """
                ),
                Step("cd repo && dvc remote add -d remote_storage gs://\(bucket)/dvc"),
                Step("cd repo && git add -A && git commit -qm 'data under version control'"),
                Step("cd repo && dvc push", prints: "file pushed"),
                Step("cd repo && rm -rf .dvc/cache digits.csv && dvc pull", prints: "file"),
                Step("cmp repo/digits.csv digits.csv && echo 'the same bytes'", prints: "the same bytes"),
            ]
        )
    }

    private var compute: Chapter {
        Chapter(
            title: "A machine that reads the bucket",
            clients: ["gcloud", "ssh", "gsutil", "python"],
            steps: [
                Step(
                    "gcloud compute instances create \(machine) --zone=\(zone) --machine-type=e2-medium"
                        + " --image-family=debian-12 --image-project=debian-cloud",
                    prints: "RUNNING"
                ),
                Step("gcloud compute instances list --filter='name=\(machine)'", prints: machine),
                Step(
                    "gcloud compute ssh \(machine) --zone=\(zone) --quiet --command='hostname && python3 --version'",
                    prints: machine
                ),
                Step(
                    "gcloud compute ssh \(machine) --zone=\(zone) --quiet --command='python3 - \(bucket)' < read_bucket.py",
                    prints: "1797 lines"
                ),
            ]
        )
    }

    private var build: Chapter {
        Chapter(
            title: "The training image, built by cloudbuild.yaml",
            clients: ["gcloud"],
            steps: [
                Step(
                    "sed -i 's/<project-id>/\(project)/; s/<bucket>/\(bucket)/' trainer/cloudbuild.yaml trainer/config.yaml"
                        + " && cat trainer/cloudbuild.yaml"
                ),
                Step("gcloud builds submit --config=trainer/cloudbuild.yaml trainer", prints: "SUCCESS"),
                Step("gcloud container images list --repository=gcr.io/\(project)", prints: image),
                Step("gcloud container images list-tags \(image)", prints: "latest"),
            ]
        )
    }

    private var trigger: Chapter {
        Chapter(
            title: "The same build, on every push to main",
            clients: ["gcloud", "git"],
            steps: [
                Step("gcloud source repos create \(repository)"),
                Step(
                    "gcloud builds triggers create cloud-source-repositories --name=push-to-main-\(suffix)"
                        + " --repo=\(repository) --branch-pattern='^main$' --build-config=cloudbuild.yaml",
                    prints: "push-to-main-\(suffix)"
                ),
                Step("gcloud source repos clone \(repository)", prints: "was cloned"),
                Step(
                    """
                    cp trainer/* \(repository) && cd \(repository) && git checkout -q -b main && git add .
                    git -c user.name=me -c user.email=me@localhost commit -qm 'the trainer' && git push -q origin main
                    """
                ),
                Step(
                    """
                    BUILD=$(gcloud builds list --filter='substitutions.TRIGGER_NAME=push-to-main-\(suffix)' --format='value(id)')
                    gcloud builds log --stream $BUILD && gcloud builds describe $BUILD --format='value(status)'
                    """,
                    prints: "SUCCESS"
                ),
            ]
        )
    }

    private var training: Chapter {
        Chapter(
            title: "A training job on Vertex AI",
            clients: ["gcloud", "gsutil", "python"],
            steps: [
                Step("cat trainer/config.yaml"),
                Step(
                    "gcloud ai custom-jobs create --region=\(region) --display-name=digits-\(suffix)"
                        + " --config=trainer/config.yaml",
                    prints: "submitted successfully"
                ),
                Step(
                    """
                    JOB=$(gcloud ai custom-jobs list --region=\(region) --filter='displayName=digits-\(suffix)' --format='value(name)')
                    gcloud ai custom-jobs stream-logs $JOB --polling-interval=1
                    """
                ) { result in
                    let accuracies = result.output.split(whereSeparator: \.isNewline).compactMap(Self.accuracy)
                    guard let first = accuracies.first, let last = accuracies.last, accuracies.count > 2, last > first
                    else {
                        throw WrongResult("expected an accuracy that rises, found \(accuracies)")
                    }
                    return "the accuracy rises from \(first) to \(last)"
                },
                Step(
                    "gcloud ai custom-jobs list --region=\(region) --filter='displayName=digits-\(suffix)' --format='value(state)'",
                    prints: "JOB_STATE_SUCCEEDED"
                ),
                Step("gsutil ls -r gs://\(bucket)/runs", prints: "model/"),
                Step(
                    "gsutil cat gs://\(bucket)/runs/model/metrics.json"
                        + " | python -c 'import json, sys; print(json.load(sys.stdin)[\"accuracy\"])'"
                ) { result in
                    guard let accuracy = Double(result.lastLine), accuracy > 0.9 else {
                        throw WrongResult("expected an accuracy above 0.9, found '\(result.lastLine)'")
                    }
                    return "the model in the bucket has accuracy \(accuracy)"
                },
            ]
        )
    }

    private var farewell: Chapter {
        Chapter(
            title: "The machine is not needed any more",
            clients: ["gcloud"],
            steps: [
                Step("gcloud compute instances delete \(machine) --zone=\(zone) --quiet", prints: "Deleted")
            ]
        )
    }

    private var bill: Chapter {
        Chapter(
            title: "What it would have cost",
            clients: [],
            steps: [
                Step("brume bill") { result in
                    let services = ["Compute Engine", "Cloud Storage", "Cloud Build", "Vertex AI"]
                    if let missing = services.first(where: { !result.output.contains($0) }) {
                        throw WrongResult("expected a line of \(missing)")
                    }
                    return "every service is on the bill"
                }
            ]
        )
    }

    /// The number after `accuracy` in a line of the job's log.
    private static func accuracy(in line: Substring) -> Double? {
        guard let match = line.firstMatch(of: /accuracy[ =:]+([0-9.]+)/) else { return nil }
        return Double(match.1)
    }
}
