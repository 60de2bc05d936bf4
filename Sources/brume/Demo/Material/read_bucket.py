"""Reads an object of a bucket from inside an instance, with nothing but Python and the instance's own identity."""

import json
import os
import sys
import urllib.request

# As Google's own libraries find it: by its variable where that is set, else by its name.
HOST = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
METADATA = f"http://{HOST}/computeMetadata/v1/instance/service-accounts/default/token"


def get(url, headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.read()


token = json.loads(get(METADATA, {"Metadata-Flavor": "Google"}))["access_token"]
url = f"https://storage.googleapis.com/storage/v1/b/{sys.argv[1]}/o/data%2Fdigits.csv?alt=media"
content = get(url, {"Authorization": f"Bearer {token}"})
print(f"{len(content.splitlines())} lines read from gs://{sys.argv[1]}/data/digits.csv")
