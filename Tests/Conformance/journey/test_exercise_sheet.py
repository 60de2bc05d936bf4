"""The exercise sheet's own commands, as it prints them: what other tests do not type already."""

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd"), pytest.mark.compute]

ZONE = "europe-west1-b"


def test_a_plain_machine_has_python_and_no_torch(cloud):
    cloud.sh(
        f"gcloud compute instances create sheet-vm --zone={ZONE} --machine-type=e2-medium"
        " --image-family=debian-12 --image-project=debian-cloud"
    )
    assert "sheet-vm" in cloud.sh("gcloud compute instances list").stdout
    ssh = f"gcloud beta compute ssh --zone {ZONE} sheet-vm --project {cloud.project} --quiet --command"
    refused = cloud.sh(f"{ssh} 'python -c \"import torch\"'", check=False)
    assert refused.status == 1 and "No module named 'torch'" in refused.output
    cloud.sh(f"gcloud compute instances delete sheet-vm --zone={ZONE} --quiet")


def test_the_deep_learning_images_are_listed(cloud):
    listed = cloud.sh('gcloud container images list --repository="gcr.io/deeplearning-platform-release"').stdout
    assert "gcr.io/deeplearning-platform-release/pytorch-cpu" in listed


def test_a_machine_of_the_pytorch_family_has_torch(cloud):
    cloud.sh(
        f"gcloud compute instances create torch-vm --zone={ZONE} --image-family=pytorch-latest-cpu"
        " --image-project=deeplearning-platform-release"
    )
    ssh = f"gcloud beta compute ssh torch-vm --zone={ZONE} --quiet --command"
    code = "import torch, numpy, matplotlib; print(int(torch.ones(3).sum()))"
    assert cloud.sh(f"{ssh} 'python -c \"{code}\"'").stdout.strip() == "3"
    cloud.sh(f"gcloud compute instances delete torch-vm --zone={ZONE} --quiet")


def test_a_machine_of_ones_own_image_and_a_job_of_it(cloud):
    folder = cloud.folder / "sheet"
    folder.mkdir()
    (folder / "gcp_vm_tester.dockerfile").write_text(
        "FROM gcr.io/deeplearning-platform-release/pytorch-cpu\nRUN pip install matplotlib\n"
    )
    image = f"gcr.io/{cloud.project}/gcp_vm_tester"
    cloud.sh("gcloud auth configure-docker --quiet")
    cloud.sh("docker build -f gcp_vm_tester.dockerfile . -t gcp_vm_tester:latest", cwd=folder)
    cloud.sh(f"docker tag gcp_vm_tester {image} && docker push {image}")
    cloud.sh(f"gcloud compute instances create-with-container tester --container-image={image} --zone {ZONE}")
    ssh = f"gcloud beta compute ssh tester --zone={ZONE} --quiet --command"
    versions = cloud.sh(
        f"{ssh} 'python -c \"import torch; print(torch.__version__)\""
        " && python -c \"import matplotlib; print(matplotlib.__version__)\"'"
    ).stdout.split()
    assert len(versions) == 2 and all(version[0].isdigit() for version in versions)
    cloud.sh(f"gcloud compute instances delete tester --zone={ZONE} --quiet")

    # The sheet writes workerPoolSpecs as a mapping, not as a list of one.
    (folder / "config_cpu.yaml").write_text(
        f"workerPoolSpecs:\n   machineSpec:\n      machineType: n1-highmem-2\n   replicaCount: 1\n   containerSpec:\n"
        f"      imageUri: {image}\n      command: [python, -c, 'import torch; print(torch.__version__)']\n"
    )
    cloud.sh(
        "gcloud ai custom-jobs create --region=europe-west1 --display-name=test-run --config=config_cpu.yaml",
        cwd=folder,
    )
    job = cloud.sh(
        "gcloud ai custom-jobs list --region=europe-west1 --filter=displayName=test-run --format='value(name)'"
    ).stdout.strip()
    log = cloud.sh(f"gcloud ai custom-jobs stream-logs {job} --polling-interval=1").output
    assert versions[0] in log and "Job completed successfully" in log


def test_a_gpu_that_is_not_there_is_said_so_and_nothing_is_made(cloud):
    refused = cloud.sh(
        "gcloud compute instances create gpu-vm --zone europe-west4-a --image-family=pytorch-latest-gpu"
        " --image-project=deeplearning-platform-release --accelerator=type=nvidia-tesla-v100,count=1"
        " --metadata=install-nvidia-driver=True --maintenance-policy TERMINATE",
        check=False,
    )
    assert refused.status == 1 and "ZONE_RESOURCE_POOL_EXHAUSTED" in refused.output
    assert "nvidia-tesla-v100" in refused.output
    assert "gpu-vm" not in cloud.sh("gcloud compute instances list").stdout


def test_a_public_object_is_read_without_credentials(cloud):
    bucket = f"{cloud.project}-public"
    (cloud.folder / "hello.txt").write_text("hello\n")
    cloud.sh(f"gsutil mb gs://{bucket} && gsutil cp hello.txt gs://{bucket}/")
    url = f"https://storage.googleapis.com/{bucket}/hello.txt"
    assert cloud.sh(f"curl -s -o /dev/null -w '%{{http_code}}' {url}").stdout in ("401", "403")
    cloud.sh(f"gsutil iam ch allUsers:objectViewer gs://{bucket}")
    assert cloud.sh(f"curl -sf {url}").stdout == "hello\n"
