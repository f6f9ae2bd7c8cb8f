"""A HAPI FHIR JPA server of our own, and what a client needs to look at it."""
import json
import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
LONGEST_START = 150  # seconds, on a busy machine


class Hapi:
    """On a port of its own that it keeps. `arguments`: those of the server."""

    def __init__(self, folder, *arguments):
        self.folder, self.arguments, self.port, self.process = folder, arguments, 0, None
        self.start()

    def start(self):
        with open(os.path.join(self.folder, "hapi.log"), "ab") as log:
            self.process = subprocess.Popen([os.path.join(HERE, "run"), "--server", "--port", str(self.port), *self.arguments],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        watch = threading.Timer(LONGEST_START, self.process.kill)
        watch.start()
        self.base = self.process.stdout.readline().decode().strip()
        watch.cancel()
        if not self.base:
            self.process.kill()
            raise AssertionError("HAPI did not start: " + self.log())
        self.port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/fhir", self.base).group(1))

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()

    def log(self):
        with open(os.path.join(self.folder, "hapi.log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def ask(self, method, path, body=None):
        """Status and resource."""
        url = path if path.startswith(self.base) else f"{self.base}/{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/fhir+json", "Cache-Control": "no-cache"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read() or b"{}")

    def write(self, method, path, body):
        status, answer = self.ask(method, path, body)
        errors = [issue.get("diagnostics") for issue in answer.get("issue", []) if issue["severity"] in ("error", "fatal")]
        assert status in (200, 201), (status, errors)
        return answer

    def put(self, resources):
        """Under the ids that they have, all together."""
        named = {f"{resource['resourceType']}/{resource['id']}": resource for resource in resources}
        entries = [{"fullUrl": f"{self.base}/{name}", "resource": resource, "request": {"method": "PUT", "url": name}}
                   for name, resource in named.items()]
        self.write("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries})

    def everything(self, kind):
        found, url = [], f"{kind}?_count=200"
        while url:
            status, page = self.ask("GET", url)
            assert status == 200, (status, page)
            found += [entry["resource"] for entry in page.get("entry", [])]
            url = next((link["url"] for link in page.get("link", []) if link["relation"] == "next"), None)
        return found

    def count(self, kind):
        return self.ask("GET", f"{kind}?_summary=count")[1]["total"]
