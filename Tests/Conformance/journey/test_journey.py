"""The whole journey as a newcomer runs it."""

import pytest


@pytest.mark.needs("gcloud", "dockerd")
def test_brume_demo_walks_from_a_bucket_to_a_model(cloud):
    result = cloud.brume("demo", check=False)
    assert result.status == 0, result.output[-3000:]
    assert " 0 failed, 0 skipped" in result.stdout
