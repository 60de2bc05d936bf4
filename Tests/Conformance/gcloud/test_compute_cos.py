"""Container-Optimized OS: an instance with a Docker Engine of its own, on a kernel of its own."""

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh", "qemu-system-x86_64"), pytest.mark.compute]
ZONE = "--zone=europe-west1-d"

INSIDE = """set -e
docker-credential-gcr configure-docker > /dev/null
docker run --rm IMAGE sh -c 'echo inside; hostname -i; uname -r'
"""


def test_docker_inside_runs_an_image_of_the_projects_registry(cloud):
    image = f"gcr.io/{cloud.project}/inside"
    cloud.sh("gcloud auth configure-docker --quiet")
    cloud.sh(f"docker pull busybox && docker tag busybox {image} && docker push {image}")
    cloud.sh(
        f"gcloud compute instances create cos {ZONE} --machine-type=e2-medium"
        " --image-family=cos-stable --image-project=cos-cloud",
        timeout=1200,
    )
    script = cloud.folder / "inside.sh"
    script.write_text(INSIDE.replace("IMAGE", image))
    cloud.sh(f"gcloud compute scp {script} ada@cos: {ZONE} -q")
    seen = cloud.sh(f"gcloud compute ssh ada@cos {ZONE} -q --command='bash inside.sh'").stdout.split()
    # A network of its own, behind the machine's; the machine's kernel.
    assert seen[-3] == "inside" and seen[-2].startswith("172.17.") and "cloud" in seen[-1]
    cloud.sh(f"gcloud compute instances delete cos {ZONE} -q")
