"""Signed requests: URLs of the SDK and of gcloud, HMAC keys with boto3 as S3's clients use them."""

import base64
import hashlib
import io
import json
import os
import re
import urllib.error
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
import pytest


@pytest.fixture(scope="module")
def account(cloud):
    """A service account that may do everything with storage, and its key file."""
    cloud.sh("gcloud iam service-accounts create signer")
    email = f"signer@{cloud.project}.iam.gserviceaccount.com"
    cloud.sh(
        f"gcloud projects add-iam-policy-binding {cloud.project} --member=serviceAccount:{email}"
        " --role=roles/storage.admin"
    )
    cloud.sh(f"gcloud iam service-accounts keys create signer.json --iam-account={email}")
    return email


@pytest.fixture(scope="module")
def s3(cloud, account):
    """boto3 with an HMAC key of the account, at the plain endpoint."""
    key = json.loads(cloud.sh(f"gcloud storage hmac create {account} --format=json").stdout)
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{cloud.port}",
        aws_access_key_id=key["metadata"]["accessId"],
        aws_secret_access_key=key["secret"],
        region_name="auto",
        config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def fetch(cloud, url, **arguments):
    """Opens a URL of Google's through the gateway, without any credential."""
    command = ["curl", "-s", "-w", "%{http_code}", "--cacert", cloud.environment["CURL_CA_BUNDLE"]]
    command += ["-x", cloud.environment["HTTPS_PROXY"], *arguments.get("options", []), url]
    text = cloud.sh(" ".join(f"'{part}'" for part in command)).stdout
    return int(text[-3:]), text[:-3]


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_urls_that_the_sdk_signs(cloud, account, bucket, version):
    script = f"""
from google.cloud import storage
client = storage.Client.from_service_account_json("signer.json", project="{cloud.project}")
blob = client.bucket("{bucket[5:]}").blob("a b/ü.txt")
print(blob.generate_signed_url(3600, method="PUT", content_type="text/plain", version="{version}"))
print(blob.generate_signed_url(3600, version="{version}", response_disposition="attachment; filename=x"))
print(blob.generate_signed_url(3600, method="DELETE", version="{version}"))
"""
    if version == "v2":
        script = script.replace("(3600", "(datetime.timedelta(hours=1)").replace(
            "from google", "import datetime\nfrom google", 1
        )
    put, get, delete = cloud.sh(f"python - <<'E'\n{script}\nE").stdout.split()
    upload = {"options": ["-X", "PUT", "-H", "Content-Type: text/plain", "--data-binary", "hello"]}
    assert fetch(cloud, put, **upload)[0] == 200
    assert fetch(cloud, get) == (200, "hello")
    assert fetch(cloud, get.replace("%20b", "%20c"))[0] == 403, "another object"
    assert fetch(cloud, get, options=["-X", "DELETE"])[0] == 403, "another verb"
    wrong = fetch(cloud, put, options=["-X", "PUT", "-H", "Content-Type: text/html", "--data-binary", "x"])
    assert wrong[0] == 403, "another type"
    assert fetch(cloud, delete, options=["-X", "DELETE"])[0] == 204


def test_a_url_that_gcloud_signs_ends(cloud, account, bucket):
    cloud.sh(f"echo fog | gcloud storage cp - {bucket}/a")
    sign = f"gcloud storage sign-url {bucket}/a --private-key-file=signer.json --format='value(signed_url)'"
    url = cloud.sh(f"{sign} --duration=1h").stdout.strip()
    assert fetch(cloud, url) == (200, "fog\n")
    late = re.sub(r"X-Goog-Expires=\d+", "X-Goog-Expires=7200", url, flags=re.I)
    code, body = fetch(cloud, late)
    assert code == 403 and "SignatureDoesNotMatch" in body
    past = re.sub(r"(?i)(x-goog-date=)\d{4}", r"\g<1>2020", url)
    code, body = fetch(cloud, past)
    assert code == 400, body


def test_a_session_that_a_signed_url_begins(cloud, account, bucket):
    script = f"""
from google.cloud import storage
client = storage.Client.from_service_account_json("signer.json", project="{cloud.project}")
print(client.bucket("{bucket[5:]}").blob("r").generate_signed_url(3600, method="RESUMABLE", version="v4"))
"""
    url = cloud.sh(f"python - <<'E'\n{script}\nE").stdout.strip()
    begin = ["-X", "POST", "-H", "x-goog-resumable: start", "-H", "content-length: 0", "-D", "-", "-o", "/dev/null"]
    command = ["curl", "-s", "--cacert", cloud.environment["CURL_CA_BUNDLE"], "-x", cloud.environment["HTTPS_PROXY"]]
    headers = cloud.sh(" ".join(f"'{part}'" for part in [*command, *begin, url])).stdout
    session = re.search(r"(?im)^location: (\S+)", headers).group(1)
    assert fetch(cloud, session, options=["-X", "PUT", "--data-binary", "resumed"])[0] == 200
    assert cloud.sh(f"gcloud storage cat {bucket}/r").stdout == "resumed"


def test_boto3_stores_reads_lists_copies_and_deletes(cloud, s3, bucket):
    name = bucket[5:]
    s3.put_object(Bucket=name, Key="a/ü b.txt", Body=b"hello", Metadata={"colour": "red"}, ContentType="text/plain")
    got = s3.get_object(Bucket=name, Key="a/ü b.txt")
    assert got["Body"].read() == b"hello" and got["Metadata"] == {"colour": "red"}
    assert got["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert s3.get_object(Bucket=name, Key="a/ü b.txt", Range="bytes=1-2")["Body"].read() == b"el"
    s3.copy_object(Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": "a/ü b.txt"})
    listed = s3.list_objects_v2(Bucket=name, Delimiter="/")
    assert [c["Key"] for c in listed["Contents"]] == ["copy"]
    assert [p["Prefix"] for p in listed["CommonPrefixes"]] == ["a/"]
    assert cloud.sh(f"gcloud storage cat {bucket}/copy").stdout == "hello"
    done = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "copy"}, {"Key": "a/ü b.txt"}]})
    assert len(done["Deleted"]) == 2 and "Contents" not in s3.list_objects_v2(Bucket=name)


@pytest.mark.parametrize("kind", ["CRC32", "SHA1", "SHA256"])
def test_boto3_checksums_are_compared(cloud, s3, bucket, kind):
    name = bucket[5:]
    s3.put_object(Bucket=name, Key="right", Body=b"hello", ChecksumAlgorithm=kind)
    # A stream has its checksum behind it.
    s3.put_object(Bucket=name, Key="stream", Body=io.BytesIO(b"hello"), ChecksumAlgorithm=kind)
    assert s3.get_object(Bucket=name, Key="stream")["Body"].read() == b"hello"
    size = {"CRC32": 4, "SHA1": 20, "SHA256": 32}[kind]
    wrong = {f"Checksum{kind}": base64.b64encode(bytes(size)).decode()}
    with pytest.raises(botocore.exceptions.ClientError, match="BadDigest"):
        s3.put_object(Bucket=name, Key="wrong", Body=b"hello", **wrong)
    upload = s3.create_multipart_upload(Bucket=name, Key="parts", ChecksumAlgorithm=kind)["UploadId"]
    part = {"Bucket": name, "Key": "parts", "PartNumber": 1, "UploadId": upload, "Body": b"hello"}
    with pytest.raises(botocore.exceptions.ClientError, match="BadDigest"):
        s3.upload_part(**part, **wrong)
    assert "Parts" not in s3.list_parts(Bucket=name, Key="parts", UploadId=upload)
    s3.upload_part(**part, ChecksumAlgorithm=kind)
    assert len(s3.list_parts(Bucket=name, Key="parts", UploadId=upload)["Parts"]) == 1
    assert {c["Key"] for c in s3.list_objects_v2(Bucket=name)["Contents"]} == {"right", "stream"}


def test_boto3_uploads_in_parts(cloud, s3, bucket, tmp_path):
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(20 << 20))
    s3.upload_file(str(source), bucket[5:], "big")
    cloud.sh(f"gcloud storage cp {bucket}/big {back}")
    assert back.read_bytes() == source.read_bytes()


def test_boto3_makes_and_removes_a_bucket_and_signs_urls(cloud, s3, name):
    made = f"{cloud.project}-{name}"
    s3.create_bucket(Bucket=made, CreateBucketConfiguration={"LocationConstraint": "europe-west1"})
    assert made in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=made, Key="k", Body=b"signed", IfNoneMatch="*")
    with pytest.raises(botocore.exceptions.ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=made, Key="k", Body=b"again", IfNoneMatch="*")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": made, "Key": "k"}, ExpiresIn=60)
    assert urllib.request.urlopen(url).read() == b"signed"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url.replace("/k?", "/l?"))
    assert refused.value.code == 403 and b"SignatureDoesNotMatch" in refused.value.read()
    s3.delete_object(Bucket=made, Key="k")
    s3.delete_bucket(Bucket=made)


def test_a_key_that_is_switched_off_signs_nothing(cloud, account, bucket):
    key = json.loads(cloud.sh(f"gcloud storage hmac create {account} --format=json").stdout)
    access = key["metadata"]["accessId"]
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{cloud.port}",
        aws_access_key_id=access,
        aws_secret_access_key=key["secret"],
        region_name="auto",
    )
    client.list_objects_v2(Bucket=bucket[5:])
    refused = cloud.sh(f"gcloud storage hmac delete {access}", check=False)
    assert refused.status != 0 and "INACTIVE" in refused.output
    cloud.sh(f"gcloud storage hmac update {access} --deactivate")
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidAccessKeyId"):
        client.list_objects_v2(Bucket=bucket[5:])
    cloud.sh(f"gcloud storage hmac delete {access}")
    assert access not in cloud.sh("gcloud storage hmac list").stdout


@pytest.fixture
def form(cloud, account, bucket):
    """Signs a form with the SDK, changes its fields, and sends it as a browser would."""
    import io

    from google.cloud import storage

    key = os.path.join(cloud.folder, "signer.json")
    client = storage.Client.from_service_account_json(key)

    def send(change=None, content=b"form data", name="form/a.txt", **options):
        import datetime

        options.setdefault("expiration", datetime.timedelta(minutes=5))
        policy = client.generate_signed_post_policy_v4(bucket[5:], name, **options)
        fields = {**policy["fields"], **(change or {})}
        body = io.BytesIO()
        for key, value in fields.items():
            body.write(f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode())
        body.write(b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + content)
        body.write(b"\r\n--b--\r\n")
        request = urllib.request.Request(
            f"http://127.0.0.1:{cloud.port}/{bucket[5:]}",
            data=body.getvalue(),
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return send


def test_a_signed_form_uploads_what_its_policy_allows(cloud, bucket, form):
    extra = {"success_action_status": "201", "x-goog-meta-k": "v"}
    status, text = form(fields=extra, conditions=[["content-length-range", 1, 100]])
    assert status == 201 and "<Key>form/a.txt</Key>" in text
    assert cloud.sh(f"gcloud storage cat {bucket}/form/a.txt").stdout == "form data"
    described = json.loads(cloud.sh(f"gcloud storage objects describe {bucket}/form/a.txt --format=json --raw").stdout)
    assert described["metadata"] == {"k": "v"}


def test_a_form_that_its_policy_does_not_allow_uploads_nothing(cloud, bucket, form):
    import datetime

    range_of_sizes = [["content-length-range", 5, 10]]
    for answer, code in [
        (form(change={"key": "other"}), "InvalidPolicyDocument"),
        (form(change={"x-goog-meta-k": "v"}), "InvalidPolicyDocument"),
        (form(change={"x-goog-signature": "00" * 256}), "SignatureDoesNotMatch"),
        (form(expiration=datetime.datetime(2020, 1, 1)), "InvalidPolicyDocument"),
        (form(content=b"1234", conditions=range_of_sizes), "EntityTooSmall"),
        (form(content=b"12345678901", conditions=range_of_sizes), "EntityTooLarge"),
        (form(change={"policy": "", "x-goog-signature": ""}), "AccessDenied"),
    ]:
        assert answer[0] in (400, 401, 403) and f"<Code>{code}</Code>" in answer[1], answer
    assert "form" not in cloud.sh(f"gcloud storage ls -r {bucket}").stdout


def test_settings_of_a_bucket_by_boto3(cloud, s3, name):
    bucket = f"{cloud.project}-{name}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "europe-west1"})
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "EUROPE-WEST1"
    rule = {"AllowedOrigins": ["https://a.example"], "AllowedMethods": ["GET"], "MaxAgeSeconds": 60}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [{**rule, "ExposeHeaders": ["ETag"]}]})
    (read,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert {k: read[k] for k in rule} == rule and read["ExposeHeaders"] == ["ETag"]
    s3.delete_bucket_cors(Bucket=bucket)
    assert s3.get_bucket_cors(Bucket=bucket).get("CORSRules", []) == []
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "404.html"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    read = s3.get_bucket_website(Bucket=bucket)
    assert {k: read[k] for k in site} == site
    tags = {"TagSet": [{"Key": "team", "Value": "red"}]}
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tags)
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags["TagSet"]
    logs = {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "log/"}}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=logs)
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == logs["LoggingEnabled"]
    described = json.loads(cloud.sh(f"gcloud storage buckets describe gs://{bucket} --raw --format=json").stdout)
    assert described["website"] == {"mainPageSuffix": "index.html", "notFoundPage": "404.html"}
    assert described["labels"] == {"team": "red"} and described["versioning"] == {"enabled": True}


def test_access_lists_by_boto3(cloud, s3, name):
    bucket = f"{cloud.project}-{name}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    before = s3.get_object_acl(Bucket=bucket, Key="a")
    s3.put_object_acl(Bucket=bucket, Key="a", ACL="public-read")
    grants = s3.get_object_acl(Bucket=bucket, Key="a")["Grants"]
    (everybody,) = [g for g in grants if g["Grantee"]["Type"] == "Group"]
    assert everybody["Permission"] == "READ" and everybody["Grantee"]["URI"].endswith("/AllUsers")
    policy = {"Owner": before["Owner"], "Grants": before["Grants"]}
    s3.put_object_acl(Bucket=bucket, Key="a", AccessControlPolicy=policy)
    assert s3.get_object_acl(Bucket=bucket, Key="a")["Grants"] == before["Grants"]
    policy["Grants"] = before["Grants"] + [everybody]
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy)
    assert everybody in s3.get_bucket_acl(Bucket=bucket)["Grants"]
