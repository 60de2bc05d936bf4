/// Runs a Python package in an image of the user's choice, as Google's own runner in its prebuilt images does: fetch
/// each package, install it, install what it needs, run the module.
enum PackageRunner {
    static let path = "/opt/brume/run-package.py"

    static let script = """
        import json, os, subprocess, sys, urllib.parse, urllib.request

        def token():
            request = urllib.request.Request(
                "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
                headers={"Metadata-Flavor": "Google"})
            return json.load(urllib.request.urlopen(request))["access_token"]

        def run(*command):
            print("Running command: " + " ".join(command), flush=True)
            code = subprocess.call(command)
            if code:
                sys.exit(code if code > 0 else 128 - code)

        module, packages, arguments = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
        for uri in packages:
            bucket, name = uri[len("gs://"):].split("/", 1)
            print("Downloading the package: " + uri, flush=True)
            url = "https://storage.googleapis.com/download/storage/v1/b/%s/o/%s?alt=media" % (
                bucket, urllib.parse.quote(name, safe=""))
            file = os.path.join("/tmp", os.path.basename(name).rsplit(":", 1)[-1])
            request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token()})
            with urllib.request.urlopen(request) as source, open(file, "wb") as target:
                while chunk := source.read(1 << 20):
                    target.write(chunk)
            print("Installing the package: " + uri, flush=True)
            run("pip3", "install", "--user", "--upgrade", "--force-reinstall", "--no-deps", file)
            run("pip3", "install", "--user", file)
        print("Running module %s." % module, flush=True)
        run("python3", "-m", module, *arguments)
        print("Task completed. Exit code (0). Exit reason (SUCCEEDED)", flush=True)

        """
}
