#!/usr/bin/env python3
"""The sidecar from outside: a real process, real sockets, signals."""
import atexit
import base64
import http.client
import http.server
import itertools
import json
import os
import pty
import re
import resource
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
import warnings

PROGRAM = os.environ["MYOFLAG"]
ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
NOW = "2026-11-22T09:00:00Z"
CALL = os.path.join(ROOT, "samples", "cds-hooks", "hook-call.txt")
SERVICE = "/cds-services/myoflag-intake-review"
CANARY = "Canary-16180"
SLOW = any(word in PROGRAM for word in ("asan", "tsan"))  # sanitized: many times slower
PATIENT = {"limits": {"card-time": 60}} if SLOW else {}


class Sidecar:
    def __init__(self, *arguments, mode=("--demo", "--now", NOW)):
        if PATIENT and "--config" not in (*mode, *arguments):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
                json.dump(PATIENT, file)
            atexit.register(os.remove, file.name)
            mode = (*mode, "--config", file.name)
        self.process = subprocess.Popen([PROGRAM, "serve", "--port", "0", *mode, *arguments],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.log = b""
        self.port = None
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        if not self.ready.wait(60) or self.port is None:
            self.process.kill()
            self.reader.join()
            raise AssertionError(self.log.decode(errors="replace"))

    def read(self):
        for line in self.process.stderr:
            self.log += line
            found = re.match(rb"Listening on https?://(?:127\.0\.0\.1|0\.0\.0\.0|\[::1\]):(\d+)$", line.strip())
            if found:
                self.port = int(found.group(1))
                self.ready.set()
        self.ready.set()

    def ask(self, method, path, body=None, headers=None, tls=None):
        connection = (http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=tls) if tls else
                      http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def lines(self):
        return [json.loads(line) for line in self.log.splitlines() if line.startswith(b"{")]

    def reload(self, parts=1):
        """SIGHUP, and the lines that the log has about it."""
        before = len([line for line in self.lines() if "reload" in line])
        self.process.send_signal(signal.SIGHUP)
        for _ in range(1200):
            said = [line for line in self.lines() if "reload" in line][before:]
            if len(said) >= parts:
                return {line["reload"]: line for line in said}
            time.sleep(0.05)
        raise AssertionError(self.log.decode(errors="replace"))

    def call(self, body, path=SERVICE):
        return self.ask("POST", path, body, {"Content-Type": "application/json"})

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(60)
        self.reader.join()
        out = self.process.stdout.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return code, out


def sample_call():
    with open(CALL, encoding="utf-8") as file:
        return json.load(file)


class Client:
    """An EHR with a key pair of its own: tokens as CDS Hooks wants them, ES384."""

    def __init__(self, folder):
        self.folder = folder
        self.key = os.path.join(folder, "key.pem")
        self.openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", self.key)
        point = self.openssl("ec", "-in", self.key, "-pubout", "-outform", "DER")[-96:]
        jwk = {"kty": "EC", "crv": "P-384", "kid": "k1", "use": "sig", "x": base64url(point[:48]), "y": base64url(point[48:])}
        self.put("keys.json", {"keys": [jwk]})
        self.config = self.configure()

    def configure(self, **sections):
        """JSON is YAML."""
        return self.put("myoflag.yaml", {"service": {"base": "https://cds.example"}, "trust": {"clients": [
            {"issuer": "https://ehr.example", "key-set": "keys.json"}]}} | PATIENT | sections)

    def certificate(self, name, bits="2048"):
        """A key and a certificate of its own for 127.0.0.1; returns the certificate's path."""
        self.openssl("req", "-x509", "-newkey", "rsa:" + bits, "-nodes", "-days", "2", "-subj", "/CN=" + name,
                     "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", os.path.join(self.folder, "tls.key"),
                     "-out", os.path.join(self.folder, "tls.pem"))
        return os.path.join(self.folder, "tls.pem")

    def put(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)
        return path

    @staticmethod
    def openssl(*arguments, given=b""):
        return subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True).stdout

    def token(self, header=None, **changes):
        now = int(time.time())
        claims = {"iss": "https://ehr.example", "aud": "https://cds.example" + SERVICE, "exp": now + 300, "iat": now,
                  "jti": str(uuid.uuid4()), **changes}
        header = {"alg": "ES384", "typ": "JWT", "kid": "k1"} | (header or {})
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        der = self.openssl("dgst", "-sha384", "-sign", self.key, given=text.encode())
        return text + "." + base64url(raw_signature(der))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_signature(der):
    """r and s, 48 bytes each, of SEQUENCE { INTEGER r, INTEGER s }."""
    at, numbers = 2, []
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(48, "big"))
        at += 2 + length
    return b"".join(numbers)


class Case(unittest.TestCase):
    def start(self, *arguments, **how):
        sidecar = Sidecar(*arguments, **how)
        self.sidecars.append(sidecar)
        return sidecar

    def setUp(self):
        self.sidecars = []

    def tearDown(self):
        for sidecar in self.sidecars:
            if sidecar.process.stdout and not sidecar.process.stdout.closed:
                sidecar.stop(signal.SIGKILL)


class Answers(Case):
    def test_discovery_health_and_metadata(self):
        sidecar = self.start()
        status, headers, body = sidecar.ask("GET", "/cds-services")
        self.assertEqual(status, 200)
        services = json.loads(body)["services"]
        self.assertEqual({s["id"] for s in services}, {"myoflag-intake-review"})
        self.assertEqual(len({s["hook"] for s in services}), 5)
        status, headers, body = sidecar.ask("GET", "/health")
        self.assertEqual((status, json.loads(body)["status"]), (200, "ok"))
        status, headers, body = sidecar.ask("GET", "/fhir/metadata")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("application/fhir+json"))
        statement = json.loads(body)
        self.assertEqual(statement["fhirVersion"], "4.0.1")
        self.assertEqual(statement["implementation"]["url"], f"http://127.0.0.1:{sidecar.port}/fhir")
        status, headers, body = sidecar.ask("GET", "/fhir/metadata?_format=xml")
        self.assertTrue(body.startswith(b"<"), body[:40])
        # What it says can be done can be done.
        for resource in statement["rest"][0]["resource"]:
            if {"code": "search-type"} not in resource.get("interaction", []):
                continue
            status, headers, body = sidecar.ask("GET", f"/fhir/{resource['type']}")
            found = json.loads(body)
            self.assertEqual((status, found["total"]), (200, 1))
            path = found["entry"][0]["fullUrl"].split(str(sidecar.port), 1)[1]
            self.assertEqual(sidecar.ask("GET", path)[0], 200)

    def test_the_sample_call_on_every_hook(self):
        sidecar = self.start("--intake-link", "https://intake.example/", "--summary-app", "https://app.example/launch")
        call = sample_call()
        call["context"].update(encounterId="e1", selections=[], appointments=[], draftOrders={"resourceType": "Bundle"})
        for hook in ("patient-view", "encounter-start", "order-select", "order-sign", "appointment-book"):
            call["hook"] = hook
            status, headers, body = sidecar.call(json.dumps(call))
            self.assertEqual(status, 200, body)
            cards = json.loads(body)["cards"]
            self.assertEqual(len(cards), 1)
            self.assertLess(len(cards[0]["summary"]), 140)
            self.assertEqual(cards[0]["links"][0]["type"], "smart")
            self.assertTrue(cards[0]["suggestions"])

    def test_many_calls_at_once(self):
        sidecar = self.start()
        body = json.dumps(sample_call())
        answers = []

        def work():
            for _ in range(10):
                answers.append(sidecar.call(body)[::2])

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), 80)
        self.assertEqual({status for status, _ in answers}, {200})
        self.assertEqual(len({body for _, body in answers}), 1)

    def test_over_ipv6(self):
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("no IPv6 here")
        sidecar = self.start("--host", "::1")
        connection = http.client.HTTPConnection("::1", sidecar.port, timeout=60)
        connection.request("GET", "/health")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()


class Refusals(Case):
    def test_bad_calls_say_where_and_quote_nothing(self):
        sidecar = self.start()
        call = sample_call()
        call["context"]["patientId"] = CANARY + "/x"
        call["hookInstance"] = CANARY
        status, headers, body = sidecar.call(json.dumps(call))
        self.assertEqual(status, 400)
        self.assertTrue(headers["Content-Type"].startswith("application/fhir+json"))
        outcome = json.loads(body)
        self.assertEqual(outcome["resourceType"], "OperationOutcome")
        self.assertEqual({i["expression"][0] for i in outcome["issue"]}, {"context.patientId", "hookInstance"})
        self.assertNotIn(CANARY.encode(), body)
        for text in ("", "{", "[" * 300000, '{"hook":1,"hook":2}', "null"):
            self.assertEqual(sidecar.call(text)[0], 400, text[:20])

    def test_statuses(self):
        sidecar = self.start()
        call = sample_call()
        self.assertEqual(sidecar.call(json.dumps(call), "/cds-services/other")[0], 404)
        self.assertEqual(sidecar.ask("GET", SERVICE)[0], 405)
        self.assertEqual(sidecar.ask("POST", SERVICE, "x", {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(sidecar.ask("POST", SERVICE, "x", {"Content-Type": "application/json", "Content-Length": "5000000"})[0], 413)
        self.assertEqual(sidecar.ask("GET", "/fhir/Patient")[0], 404)
        self.assertEqual(sidecar.ask("GET", "/../../etc/passwd")[0], 404)
        del call["prefetch"]
        status, headers, body = sidecar.call(json.dumps(call))
        self.assertEqual(status, 412)
        self.assertIn(b"MF-4225", body)

    def test_nothing_of_a_patient_is_logged(self):
        sidecar = self.start()
        text = json.dumps(sample_call()).replace("example-cds", CANARY)
        self.assertIn(CANARY, text)
        status, headers, body = sidecar.call(text)
        self.assertEqual(status, 200, body)
        self.assertIn(CANARY.encode(), body)
        sidecar.call(text, SERVICE + CANARY + "?patient=" + CANARY)
        sidecar.call(text.replace("completed", CANARY))
        sidecar.ask("GET", "/" + CANARY, headers={"X-Request-Id": CANARY, "User-Agent": CANARY})
        code, out = sidecar.stop()
        self.assertEqual((code, out), (0, b""))
        self.assertNotIn(CANARY.encode(), sidecar.log)
        lines = [json.loads(line) for line in sidecar.log.splitlines() if line.startswith(b"{")]
        self.assertEqual(len(lines), 4)
        self.assertEqual(lines[0]["route"], "/cds-services/{id}")
        self.assertEqual(lines[0]["request"], headers["X-Request-Id"])
        self.assertEqual(lines[3], lines[3] | {"route": "-", "method": "-", "status": 404})


class Trust(Case):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.client = Client(self.folder)

    def test_only_known_clients_with_a_fresh_token_get_cards(self):
        sidecar = self.start(mode=("--config", self.client.config))
        body = json.dumps(sample_call())

        def call(token=None):
            headers = {"Content-Type": "application/json"}
            if token is not None:
                headers["Authorization"] = "Bearer " + token
            status, headers, answer = sidecar.ask("POST", SERVICE, body, headers)
            return status, answer

        self.assertEqual(sidecar.ask("GET", "/cds-services")[0], 200)
        metadata = json.loads(sidecar.ask("GET", "/fhir/metadata")[2])
        self.assertEqual(metadata["implementation"]["url"], "https://cds.example/fhir")
        good = self.client.token()
        status, answer = call(good)
        self.assertEqual(status, 200, answer)
        self.assertEqual(len(json.loads(answer)["cards"]), 1)
        now = int(time.time())
        for why, token in (("no bearer token", None), ("replayed", good), ("malformed", "x"), ("malformed", good + ".x"),
                           ("audience", self.client.token(aud="https://cds.example/cds-services")),
                           ("audience", self.client.token(aud=f"http://127.0.0.1:{sidecar.port}{SERVICE}")),
                           ("issuer", self.client.token(iss="https://evil.example")),
                           ("time", self.client.token(exp=now - 100, iat=now - 200)),
                           ("signature", self.client.token()[:-8] + "AAAAAAAA")):
            self.assertEqual(call(token), (401, b""), why)
        self.assertEqual(sidecar.stop()[0], 0)
        lines = [json.loads(line) for line in sidecar.log.splitlines() if line.startswith(b"{")]
        self.assertEqual([line["denied"] for line in lines if "denied" in line],
                         ["no bearer token", "replayed", "malformed", "malformed", "audience", "audience", "issuer", "time",
                          "signature"])
        self.assertNotIn(good[20:60].encode(), sidecar.log)

    def test_a_broken_configuration_does_not_start(self):
        clients = [{"issuer": "i", "key-set": "gone.json"}]
        missing = self.client.put("other.yaml", {"service": {"base": "https://cds.example"}, "trust": {"clients": clients}})
        secret = self.client.put("secret.yaml", {"service": {"base": "https://cds.example", "id-secret": "MYOFLAG_NOT_SET"},
                                                 "trust": {"clients": [{"issuer": "i", "key-set": "keys.json"}]}})
        for arguments, code in ((("--config", missing), "other.yaml:1:"), (("--config", missing), "MF-4001"),
                                (("--config", self.client.key), "MF-4250"), (("--config", secret), "MF-4257"),
                                (("--config", self.client.config, "--host", "0.0.0.0"), "MF-4241"),
                                (("--config", self.client.config, "--demo"), "MF-4240"),
                                (("--config", self.client.config, "--now", NOW), "--now")):
            done = subprocess.run([PROGRAM, "serve", "--port", "0", *arguments], capture_output=True, timeout=60)
            self.assertIn(done.returncode, (2, 3), arguments)
            self.assertIn(code, done.stderr.decode())


    def test_a_used_token_stays_used_after_kill_9_and_for_another_process(self):
        config = self.client.configure(service={"base": "https://cds.example", "state": "state"})
        body = json.dumps(sample_call())

        def status(sidecar, token):
            return sidecar.ask("POST", SERVICE, body, {"Content-Type": "application/json", "Authorization": "Bearer " + token})[0]

        first = self.start(mode=("--config", config))
        second = self.start(mode=("--config", config))
        token, other = self.client.token(), self.client.token()
        self.assertEqual((status(first, token), status(second, token), status(second, other)), (200, 401, 200))
        first.stop(signal.SIGKILL)
        again = self.start(mode=("--config", config))
        self.assertEqual((status(again, token), status(again, other), status(again, self.client.token())), (401, 401, 200))
        self.assertEqual([line["denied"] for line in again.lines() if "denied" in line], ["replayed", "replayed"])
        with open(os.path.join(self.folder, "state", "tokens.sqlite"), "rb") as file:
            self.assertNotIn(token[-40:].encode(), file.read())

    def test_the_token_is_checked_before_the_body_is_read(self):
        sidecar = self.start(mode=("--config", self.client.config))
        for token in ("x", self.client.token(iss="https://evil.example")):
            one = socket.create_connection(("127.0.0.1", sidecar.port), timeout=60)
            one.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"
                        b"Content-Length: 1000000\r\n\r\n" % (SERVICE.encode(), token.encode()))
            self.assertTrue(one.recv(1000).startswith(b"HTTP/1.1 401 "))
            one.close()

    def test_new_keys_are_taken_and_bad_ones_refused(self):
        sidecar = self.start(mode=("--config", self.client.config))
        body = json.dumps(sample_call())

        def status(client):
            return sidecar.ask("POST", SERVICE, body, {"Content-Type": "application/json",
                                                       "Authorization": "Bearer " + client.token()})[0]

        self.assertEqual(status(self.client), 200)
        with open(os.path.join(self.folder, "keys.json"), "w", encoding="utf-8") as file:
            file.write("{")
        said = sidecar.reload(parts=2)
        self.assertEqual((said["knowledge"]["result"], said["trust"]["result"]), ("done", "refused"))
        self.assertIn("MF-4251", said["trust"]["problems"][0])
        self.assertEqual(status(self.client), 200)
        other = Client(self.folder)
        self.assertEqual(status(other), 401)
        self.assertEqual(sidecar.reload(parts=2)["trust"]["result"], "done")
        self.assertEqual((status(other), status(self.client)), (200, 200))  # the same key file by now
        self.assertEqual(sidecar.stop()[0], 0)

    def test_key_sets_are_fetched_and_kept_when_that_fails(self):
        answers = {"status": 200, "body": b""}

        class Keys(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.send_response(answers["status"])
                if answers["body"] is None:  # ends a client that believes it
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    self.wfile.write(b"-1\r\nx\r\n")
                    return
                self.send_header("Content-Length", str(len(answers["body"])))
                self.end_headers()
                self.wfile.write(answers["body"])

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        keys = os.path.join(self.folder, "keys.json")
        with open(keys, "rb") as file:
            answers["body"] = file.read()
        os.remove(keys)
        config = self.client.configure(trust={"key-refresh": 1, "clients": [
            {"issuer": "https://ehr.example", "key-set": "keys.json", "key-set-url": f"http://127.0.0.1:{server.server_port}/keys"}]})
        sidecar = self.start(mode=("--config", config))
        body = json.dumps(sample_call())

        def status(client):
            return sidecar.ask("POST", SERVICE, body, {"Content-Type": "application/json",
                                                       "Authorization": "Bearer " + client.token()})[0]

        def wait_for(result):
            before = len(sidecar.lines())
            for _ in range(600):
                if any(line.get("result") == result for line in sidecar.lines()[before:]):
                    return
                time.sleep(0.05)
            raise AssertionError(sidecar.log.decode(errors="replace"))

        self.assertEqual(status(self.client), 200)
        for bad in ((500, b""), (200, b"{"), (200, b'{"keys":[]}'), (302, b""), (200, None), (200, b" " * 2000000)):
            answers["status"], answers["body"] = bad
            wait_for("kept")
            wait_for("kept")  # the first may have been on its way
            self.assertEqual(status(self.client), 200, bad[0])
        other = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, other)
        newer = Client(other)
        with open(os.path.join(other, "keys.json"), "rb") as file:
            answers["status"], answers["body"] = 200, file.read()
        wait_for("fetched")
        wait_for("fetched")
        self.assertEqual((status(newer), status(self.client)), (200, 401))
        begin = time.monotonic()
        self.assertEqual(sidecar.stop()[0], 0)
        self.assertLess(time.monotonic() - begin, 10)

    def test_a_key_that_is_not_known_has_the_set_fetched_but_not_too_often(self):
        asked = []

        class Keys(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                asked.append(time.monotonic())
                self.send_response(200)
                self.send_header("Content-Length", str(len(answers["body"])))
                self.end_headers()
                self.wfile.write(answers["body"])

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        keys = os.path.join(self.folder, "keys.json")
        with open(keys, encoding="utf-8") as file:
            known = json.load(file)
        answers = {"body": json.dumps(known).encode()}
        config = self.client.configure(trust={"key-refresh": 86400, "key-refresh-least": 2, "clients": [
            {"issuer": "https://ehr.example", "key-set": "keys.json", "key-set-url": f"http://127.0.0.1:{server.server_port}/keys"}]})
        sidecar = self.start(mode=("--config", config))
        body = json.dumps(sample_call())

        def status(**header):
            token = self.client.token(header=header) if header else self.client.token()
            return sidecar.ask("POST", SERVICE, body, {"Content-Type": "application/json", "Authorization": "Bearer " + token})[0]

        def wait_for_fetch(count):
            for _ in range(400):
                if len(asked) >= count:
                    return
                time.sleep(0.05)
            raise AssertionError((asked, sidecar.log[-2000:]))

        wait_for_fetch(1)
        self.assertEqual(status(), 200)
        answers["body"] = json.dumps({"keys": [known["keys"][0] | {"kid": "k2"}]}).encode()  # it was rotated
        self.assertEqual(status(kid="k2"), 401)
        wait_for_fetch(2)
        for _ in range(400):
            if status(kid="k2") == 200:
                break
            time.sleep(0.05)
        self.assertEqual(status(kid="k2"), 200)
        for _ in range(20):
            self.assertEqual(status(kid="k9"), 401)
        self.assertEqual(status(kid="k9", alg="none"), 401)
        time.sleep(1)
        self.assertLessEqual(len(asked), 3)
        self.assertTrue(all(later - earlier > 1.9 for earlier, later in zip(asked, asked[1:])), asked)
        wait_for_fetch(3)  # what was asked for too early was put off, not forgotten
        time.sleep(2.5)
        self.assertLessEqual(len(asked), 4)
        self.assertEqual(sidecar.stop()[0], 0)

    def test_pages_of_listed_origins_may_call(self):
        sidecar = self.start(mode=("--config", self.client.configure(cors={"origins": ["https://sandbox.example"]})))
        asks = {"Origin": "https://sandbox.example", "Access-Control-Request-Method": "POST"}
        status, headers, body = sidecar.ask("OPTIONS", SERVICE, headers=asks)
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (204, "https://sandbox.example"))
        status, headers, body = sidecar.ask("OPTIONS", SERVICE, headers=asks | {"Origin": "https://evil.example"})
        self.assertNotIn("Access-Control-Allow-Origin", headers)


class Feedback(Case):
    """What became of cards: acknowledged when it is on disk, counted once, told by rule."""

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.client = Client(self.folder)
        self.state = os.path.join(self.folder, "state", "here")
        self.config = self.client.configure(service={"base": "https://cds.example", "state": "state/here"})

    def post(self, sidecar, path, body, aud=SERVICE):
        headers = {"Content-Type": "application/json",
                   "Authorization": "Bearer " + self.client.token(aud="https://cds.example" + aud)}
        return sidecar.ask("POST", path, json.dumps(body), headers)

    def card(self, sidecar):
        status, headers, body = self.post(sidecar, SERVICE, sample_call())
        self.assertEqual(status, 200, body)
        return json.loads(body)["cards"][0]

    def give(self, sidecar, *feedback, aud=SERVICE + "/feedback"):
        return self.post(sidecar, SERVICE + "/feedback", {"feedback": list(feedback)}, aud)[::2]

    def report(self, *arguments):
        done = subprocess.run([PROGRAM, "feedback", "--state", self.state, *arguments], capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    @staticmethod
    def accepted(card):
        return {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}],
                "outcomeTimestamp": "2026-11-22T09:00:00Z"}

    @staticmethod
    def overridden(card):
        return {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-22T09:00:01Z",
                "overrideReason": {"reason": card["overrideReasons"][2], "userComment": CANARY}}

    def test_what_was_acknowledged_is_there_after_kill_9(self):
        sidecar = self.start(mode=("--config", self.config))
        card = self.card(sidecar)
        for aud in (SERVICE, SERVICE + "/feedback", SERVICE + "/feedback"):  # the same three times
            self.assertEqual(self.give(sidecar, self.accepted(card), self.overridden(card), aud=aud), (200, b""))
        stranger = self.accepted(card) | {"card": "12345678-1234-5678-9234-567812345678"}
        self.assertEqual(self.give(sidecar, stranger), (200, b""))
        sidecar.stop(signal.SIGKILL)
        again = self.start(mode=("--config", self.config))
        self.assertEqual(self.card(again)["uuid"], card["uuid"])
        self.assertEqual(self.give(again, self.accepted(card)), (200, b""))
        metrics = again.ask("GET", "/metrics")[2].decode()
        self.assertEqual(again.stop()[0], 0)
        report = json.loads(self.report("--format", "json"))
        self.assertEqual(report["assessments"], {"cards": 1, "answered": 1, "accepted": 1, "overridden": 1, "acceptRate": 1.0,
                                                 "overrideRate": 1.0})
        self.assertEqual(report["unknownCards"], 1)
        first = next(rule for rule in report["rules"] if rule["first"]["cards"] == 1)
        self.assertEqual(first["overrideReasons"], [{"code": card["overrideReasons"][2]["code"],
                                                     "text": card["overrideReasons"][2]["display"], "cards": 1}])
        self.assertIn(first["acceptedTests"][0]["text"][:60], card["suggestions"][0]["label"])
        for outcome in ("accepted", "overridden"):
            self.assertIn(f'myoflag_cards_answered{{outcome="{outcome}",rule="{first["rule"]}"}} 1', metrics)
        self.assertRegex(metrics, r'myoflag_cards_total\{kind="assessment",tier="[a-z-]+"\} 1')
        text = self.report()
        self.assertIn(first["rule"], text)
        self.assertEqual(json.loads(self.report("--format", "json", "--since", "2999-01-01"))["rules"], [])
        for name in os.listdir(self.state):  # nothing of the patient, nothing that was written by a person
            with open(os.path.join(self.state, name), "rb") as file:
                stored = file.read()
            self.assertNotIn(CANARY.encode(), stored)
            self.assertNotIn(b"example-cds", stored)
            self.assertEqual(os.stat(os.path.join(self.state, name)).st_mode & 0o077, 0, name)
        self.assertNotIn(CANARY.encode(), sidecar.log + again.log)

    def test_who_may_not_and_what_is_wrong(self):
        sidecar = self.start(mode=("--config", self.config))
        card = self.card(sidecar)
        path = SERVICE + "/feedback"
        self.assertEqual(sidecar.ask("POST", path, "{}", {"Content-Type": "application/json"})[::2], (401, b""))
        self.assertEqual(self.give(sidecar, self.accepted(card), aud="/cds-services"), (401, b""))
        status, answer = self.give(sidecar, self.accepted(card), self.accepted(card) | {"outcome": CANARY, "card": CANARY})
        self.assertEqual((status, set(json.loads(answer))), (400, {"status", "code", "message"}))
        self.assertIn(b"feedback[1].card", answer)
        self.assertNotIn(CANARY.encode(), answer)
        self.assertEqual(json.loads(self.report("--format", "json"))["assessments"]["answered"], 0)  # all or nothing
        for status, code, how in ((404, "MF-4227", dict(path="/cds-services/other/feedback")), (405, "MF-4210", dict(method="GET")),
                                  (415, "MF-4211", dict(kind="text/plain")), (413, "MF-4207", dict(length="1000000"))):
            where = how.get("path", path)
            headers = {"Content-Type": how.get("kind", "application/json"),
                       "Authorization": "Bearer " + self.client.token(aud="https://cds.example" + where)}
            if "length" in how:
                headers["Content-Length"] = how["length"]
            got, _, answer = sidecar.ask(how.get("method", "POST"), where, "{}", headers)
            self.assertEqual((got, json.loads(answer).get("code")), (status, code))
        self.assertNotIn(CANARY.encode(), sidecar.log)

    def test_cards_do_not_wait_for_a_store_that_somebody_holds(self):
        sidecar = self.start(mode=("--config", self.config))
        card = self.card(sidecar)
        holder = sqlite3.connect(os.path.join(self.state, "feedback.sqlite"), isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        answers = []
        giving = threading.Thread(target=lambda: answers.append(self.give(sidecar, self.accepted(card))))
        giving.start()
        begin = time.monotonic()
        self.assertEqual(self.card(sidecar)["uuid"], card["uuid"])
        self.assertTrue(giving.is_alive() and time.monotonic() - begin < 1.9, answers)
        giving.join()
        self.assertEqual((answers[0][0], json.loads(answers[0][1])["code"]), (503, "MF-4249"))
        holder.execute("ROLLBACK")
        holder.close()
        self.assertEqual(self.give(sidecar, self.accepted(card)), (200, b""))

    def test_without_a_folder_nothing_is_said_to_be_kept(self):
        sidecar = self.start(mode=("--config", self.client.configure()))
        card = self.card(sidecar)
        status, answer = self.give(sidecar, self.accepted(card))
        self.assertEqual((status, json.loads(answer)["code"]), (404, "MF-4248"))
        done = subprocess.run([PROGRAM, "feedback", "--state", self.folder], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"MF-3108", done.stderr)
        blocked = self.client.configure(service={"base": "https://cds.example", "state": "key.pem"})
        done = subprocess.run([PROGRAM, "serve", "--port", "0", "--config", blocked], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"MF-4258", done.stderr)

    def test_the_demo_takes_it_until_it_ends(self):
        sidecar = self.start()
        card = json.loads(sidecar.call(json.dumps(sample_call()))[2])["cards"][0]
        body = json.dumps({"feedback": [self.accepted(card)]})
        for _ in range(2):
            self.assertEqual(sidecar.call(body, SERVICE + "/feedback")[::2], (200, b""))
        self.assertIn(b'outcome="accepted"', sidecar.ask("GET", "/metrics")[2])


class Tls(Case):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.client = Client(self.folder)
        self.client.certificate("first")

    def start_tls(self):
        listen = {"host": "0.0.0.0", "certificate": "tls.pem", "key": "tls.key"}
        return self.start(mode=("--config", self.client.configure(listen=listen)))

    def trusting(self):
        return ssl.create_default_context(cafile=os.path.join(self.folder, "tls.pem"))

    def test_calls_are_answered_within_tls_only(self):
        sidecar = self.start_tls()
        tls = self.trusting()
        for _ in range(2):
            headers = {"Content-Type": "application/json", "Authorization": "Bearer " + self.client.token()}
            status, headers, body = sidecar.ask("POST", SERVICE, json.dumps(sample_call()), headers, tls)
            self.assertEqual((status, len(json.loads(body)["cards"])), (200, 1))
        self.assertEqual(sidecar.ask("GET", "/nowhere", tls=tls)[0], 404)
        with self.assertRaises((OSError, http.client.HTTPException)):
            sidecar.ask("GET", "/health")  # without TLS
        old = self.trusting()
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(OSError):
            sidecar.ask("GET", "/health", tls=old)
        with self.assertRaises(ssl.SSLCertVerificationError):
            sidecar.ask("GET", "/health", tls=ssl.create_default_context())
        self.assertEqual(sidecar.stop()[0], 0)

    def test_the_end_of_an_answer_is_said(self):
        sidecar = self.start_tls()
        with socket.create_connection(("127.0.0.1", sidecar.port), timeout=60) as raw:
            with self.trusting().wrap_socket(raw, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as one:
                one.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = b""
                while piece := one.recv(65536):  # throws where the end is not said
                    answer += piece
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK"))

    def test_silent_and_broken_clients_of_tls_end_in_time(self):
        listen = {"host": "0.0.0.0", "certificate": "tls.pem", "key": "tls.key"}
        sidecar = self.start(mode=("--config", self.client.configure(listen=listen, limits={"head-time": 1})))
        silent = [socket.create_connection(("127.0.0.1", sidecar.port), timeout=60) for _ in range(50)]
        for number, one in enumerate(silent):
            one.sendall((b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100)[number % 4])
        tls = self.trusting()
        for _ in range(20):
            self.assertEqual(sidecar.ask("GET", "/health", tls=tls)[0], 200)
        begin = time.monotonic()
        for one in silent:
            try:
                while one.recv(1000):
                    pass
            except OSError:
                pass
            one.close()
        self.assertLess(time.monotonic() - begin, 20)

    def test_a_new_certificate_is_shown_and_a_bad_one_refused(self):
        sidecar = self.start_tls()
        first = self.trusting()
        self.assertEqual(sidecar.ask("GET", "/health", tls=first)[0], 200)
        kept = http.client.HTTPSConnection("127.0.0.1", sidecar.port, timeout=60, context=first)
        kept.request("GET", "/health")
        self.assertEqual(kept.getresponse().read()[:1], b"{")
        self.client.certificate("second")
        second = self.trusting()
        self.assertEqual(sidecar.ask("GET", "/health", tls=first)[0], 200)  # until it is told
        self.assertEqual(sidecar.reload(parts=3)["certificate"]["result"], "done")
        self.assertEqual(sidecar.ask("GET", "/health", tls=second)[0], 200)
        with self.assertRaises(ssl.SSLCertVerificationError):
            sidecar.ask("GET", "/health", tls=first)
        kept.request("GET", "/health")  # who is connected stays so
        self.assertEqual(kept.getresponse().status, 200)
        kept.close()
        self.client.openssl("genrsa", "-out", os.path.join(self.folder, "tls.key"), "2048")
        said = sidecar.reload(parts=3)["certificate"]
        self.assertEqual(said["result"], "refused")
        self.assertIn("MF-4219", said["problems"][0])
        self.assertEqual(sidecar.ask("GET", "/health", tls=second)[0], 200)
        self.assertEqual(sidecar.stop()[0], 0)

    def test_a_start_says_what_is_wrong_with_a_certificate(self):
        def start(**listen):
            done = subprocess.run([PROGRAM, "serve", "--port", "0", "--config", self.client.configure(listen=listen)],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            return done.returncode, done.stderr.decode()

        self.client.openssl("genrsa", "-aes128", "-passout", "pass:x", "-out", os.path.join(self.folder, "locked.key"), "2048")
        self.client.openssl("genrsa", "-out", os.path.join(self.folder, "other.key"), "2048")
        for certificate, key in (("gone.pem", "tls.key"), ("tls.pem", "gone.key"), ("tls.pem", "other.key"), ("keys.json", "tls.key"),
                                 ("tls.pem", "locked.key")):
            code, err = start(certificate=certificate, key=key)
            self.assertEqual(code, 2, err)
            self.assertIn("MF-4219", err)
            self.assertIn(key if certificate == "tls.pem" else certificate, err)


def configurations_of(page):
    """Of a page of the documentation, each as {(line of the section, option): lines}."""
    sections = "|".join(re.findall(r"^(\w+):", subprocess.run([PROGRAM, "config"], capture_output=True, text=True, check=True).stdout, re.M))
    with open(os.path.join(ROOT, "docs", page + ".md"), encoding="utf-8") as file:
        blocks = re.findall(r"(?:^    .*\n)+", file.read(), re.M)
    return [{(section, option): option and f"  {option}:{lines}" for section, options in re.findall(r"^(\w+:.*\n)((?: .*\n)*)", block, re.M)
             for option, lines in re.findall(r"^  ([\w-]+):(.*\n(?:   .*\n)*)", options, re.M) or [("", "")]}
            for block in (re.sub("(?m)^    ", "", block) for block in blocks) if re.match(f"({sections}):", block)]


class Config(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def run_config(self, *arguments, environment=None):
        done = subprocess.run([PROGRAM, "config", *arguments], capture_output=True, timeout=60,
                              env=os.environ | (environment or {}))
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def put(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_the_default_is_missing_trust_and_nothing_else(self):
        code, text, err = self.run_config()
        self.assertEqual((code, err), (0, ""))
        code, out, err = self.run_config("--check", self.put("c.yaml", text))
        self.assertEqual((code, out), (2, ""))
        self.assertIn("MF-4240", err)
        self.assertEqual(err.count("MF-"), 2, err)  # with that of the whole

    def test_all_problems_of_the_file_and_of_what_it_names(self):
        code, out, err = self.run_config("--check", self.put("c.yaml", "listen:\n  prot: 1\nlimits:\n  body-time: soon\n"))
        self.assertEqual((code, out), (2, ""))
        self.assertIn("c.yaml:2:3: MF-4253: `prot` is not known in listen; did you mean `port`?\n    prot: 1\n    ^\n", err)
        self.assertIn("c.yaml:4:14: MF-4254", err)
        path = self.put("d.yaml", "listen: {certificate: a.pem, key: b.pem}\n"
                                  "service: {base: 'https://cds.example', knowledge: nowhere, id-secret: MYOFLAG_TEST_SECRET}\n"
                                  "trust:\n  clients:\n    - issuer: i\n      key-set: gone.json\n")
        code, out, err = self.run_config("--check", path)
        self.assertEqual((code, out), (2, ""))
        for code in ("d.yaml:1:23: MF-4219", "d.yaml:2:51: MF-4007", "MF-4257", "d.yaml:6:16: MF-4001"):
            self.assertIn(code, err)
        code, out, err = self.run_config("--check", path, environment={"MYOFLAG_TEST_SECRET": CANARY})
        self.assertNotIn("MF-4257", err)
        self.assertNotIn(CANARY, err)

    def test_a_good_one(self):
        Client(self.folder)
        code, out, err = self.run_config("--check", os.path.join(self.folder, "myoflag.yaml"))
        self.assertEqual((code, err), (0, ""))

    def test_a_missing_one(self):
        self.assertEqual(self.run_config("--check", os.path.join(self.folder, "gone.yaml"))[0], 2)

    def test_those_in_the_documentation(self):
        """As they stand; what is only a part, beside the first of its page, or else the one for EHRs in production."""
        Client(self.folder).certificate("cds")
        for name, like in (("ehr-keys.json", "keys.json"), ("cds.pem", "tls.pem"), ("cds.key", "tls.key"), ("launch-key.pem", "key.pem")):
            shutil.copy(os.path.join(self.folder, like), os.path.join(self.folder, name))
        pages = {page: configurations_of(page) for page in ("cds-hooks", "intake", "launch", "delivery", "operation")}
        self.assertEqual({page: len(found) for page, found in pages.items()}, {"cds-hooks": 2, "intake": 5, "launch": 2, "delivery": 3, "operation": 1})
        for page in os.listdir(os.path.join(ROOT, "docs")):
            self.assertTrue(page.removesuffix(".md") in pages or not page.endswith(".md") or not configurations_of(page[:-3]), page)
        for page, found in pages.items():
            whole = pages["cds-hooks" if page in ("delivery", "operation") else page][0]
            for number, part in enumerate(found):
                with self.subTest(page=page, number=number):
                    options = whole | part
                    text = "".join(section + "".join(options[one] for one in options if one[0] == section)
                                   for section in dict.fromkeys(section for section, _ in options))
                    code, _, err = self.run_config("--check", self.put("c.yaml", text.replace("/var/lib/myoflag/", "")), environment={
                        "MYOFLAG_ID_SECRET": CANARY, "MYOFLAG_HOOK_SECRET": CANARY * 2})
                    self.assertEqual((code, err), (0, ""), text)


class Reload(Case):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.knowledge = os.path.join(self.folder, "knowledge")
        shutil.copytree(os.path.join(ROOT, "rules", "knowledge", "twitching"), self.knowledge)

    def change(self, name, before, after):
        path = os.path.join(self.knowledge, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(before, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(before, after, 1))

    def test_new_knowledge_is_taken_and_bad_knowledge_refused(self):
        sidecar = self.start("--knowledge", self.knowledge)
        body = json.dumps(sample_call())

        def knowledge():
            return json.loads(sidecar.ask("GET", "/health")[2])["knowledge"]

        first = knowledge()
        self.change("knowledge.yaml", "version: 0.1.0", "version: 9.9.9")
        self.assertEqual(knowledge(), first)
        calls = []
        caller = threading.Thread(target=lambda: calls.extend(sidecar.call(body)[0] for _ in range(20)))
        caller.start()
        self.assertEqual(sidecar.reload()["knowledge"]["result"], "done")
        caller.join()
        self.assertEqual(set(calls), {200})
        self.assertEqual(knowledge()["version"], "9.9.9")
        self.assertNotEqual(knowledge()["digest"], first["digest"])
        self.change("knowledge.yaml", "adult-age: 16", "adult-aeg: 16")
        said = sidecar.reload()["knowledge"]
        self.assertEqual(said["result"], "refused")
        self.assertIn("knowledge.yaml:", "".join(said["problems"]))
        self.assertEqual(knowledge()["version"], "9.9.9")
        self.assertEqual(sidecar.call(body)[0], 200)
        shutil.rmtree(self.knowledge)
        self.assertEqual(sidecar.reload()["knowledge"]["result"], "refused")
        self.assertEqual(sidecar.call(body)[0], 200)
        self.assertEqual(sidecar.stop()[0], 0)

    def test_a_form_that_fhir_cannot_say_is_not_served(self):
        sidecar = self.start("--knowledge", self.knowledge)
        self.change("questions.yaml", "behavior: any", "behavior: all")
        said = sidecar.reload()["knowledge"]
        self.assertEqual(said["result"], "refused")
        self.assertIn("MF-4246", "".join(said["problems"]))
        self.assertEqual(sidecar.call(json.dumps(sample_call()))[0], 200)
        done = subprocess.run([PROGRAM, "serve", "--demo", "--port", "0", "--knowledge", self.knowledge], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"MF-4246", done.stderr)


class Start(Case):
    def run_serve(self, *arguments):
        done = subprocess.run([PROGRAM, "serve", *arguments], capture_output=True, timeout=60)
        return done.returncode, done.stdout, done.stderr.decode()

    def test_without_trust_only_demo_on_loopback(self):
        for arguments, code in (((), "MF-4240"), (("--host", "0.0.0.0"), "MF-4240"),
                                (("--demo", "--host", "0.0.0.0"), "MF-4241"), (("--demo", "--host", "::"), "MF-4241"),
                                (("--demo", "--host", "192.0.2.1"), "MF-4241"),
                                (("--demo", "--host", "127.evil.example"), "MF-4241"),
                                (("--demo", "--intake-link", "javascript:1"), "MF-4242")):
            status, out, err = self.run_serve(*arguments, "--port", "0")
            self.assertEqual((status, out), (2, b""), arguments)
            self.assertIn(code, err)

    def test_pages_for_patients_need_no_client_and_let_no_call_in(self):
        with tempfile.TemporaryDirectory() as folder:
            client = Client(folder)
            for listed in ({}, {"trust": {"clients": []}}):
                config = client.put("pages.yaml", {"service": {"base": "https://cds.example", "state": "state"}, "intake": {
                    "store": "store.sqlite", "clinic": "Clinic", "phone": "1", "emergency-number": "112"}} | listed | PATIENT)
                sidecar = self.start(mode=("--config", config))
                self.assertEqual(sidecar.ask("GET", "/readyz")[0], 200)
                self.assertEqual(sidecar.ask("GET", "/p/" + "0" * 32)[0], 404)
                call = json.dumps(sample_call())
                for headers in ({}, {"Authorization": "Bearer " + client.token()}):
                    for path in (SERVICE, SERVICE + "/feedback", "/fhir/$assess", "/fhir/QuestionnaireResponse/$extract"):
                        status, _, body = sidecar.ask("POST", path, call, {"Content-Type": "application/json"} | headers)[:3]
                        self.assertEqual((status, body), (401, b""), path)
                self.assertEqual(sidecar.stop()[0], 0)

    def test_a_port_in_use_is_said(self):
        sidecar = self.start()
        status, out, err = self.run_serve("--demo", "--port", str(sidecar.port))
        self.assertEqual((status, out), (3, b""))
        self.assertIn("MF-4218", err)

    def test_start_is_quick(self):
        begin = time.monotonic()
        self.start().ask("GET", "/health")
        self.assertLess(time.monotonic() - begin, 20)


class Siege(Case):
    """A client that behaves gets its cards while others do their worst. MYOFLAG_SIEGE=full: in their full numbers."""

    FULL = os.environ.get("MYOFLAG_SIEGE") == "full"

    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 32768), hard))
        self.sidecar = self.start()
        self.body = json.dumps(sample_call()).encode()
        self.others = []

    def tearDown(self):
        for one in self.others:
            one.close()
        super().tearDown()

    def open(self, *pieces):
        one = socket.create_connection(("127.0.0.1", self.sidecar.port), timeout=60)
        self.others.append(one)
        for piece in pieces:
            one.sendall(piece)
        return one

    def well_behaved(self):
        """Every call is answered; returns the longest time, in seconds."""
        longest = 0
        for _ in range(10 if SLOW else 40):
            begin = time.monotonic()
            status, headers, body = self.sidecar.call(self.body)
            self.assertEqual(status, 200)
            longest = max(longest, time.monotonic() - begin)
        return longest

    def during(self, name, act):
        """`act` again and again on threads, while the client calls."""
        calm = self.well_behaved()
        ending = threading.Event()

        def work():
            while not ending.is_set():
                try:
                    act()
                except OSError:
                    pass  # the server has had enough of it

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            stormy = self.well_behaved()
        finally:
            ending.set()
            for thread in threads:
                thread.join()
        print(f"{name}: slowest call {calm * 1000:.0f} ms before, {stormy * 1000:.0f} ms during", file=sys.stderr)
        self.assertLess(stormy, 50 if SLOW else 5)

    def test_idle_connections(self):
        for _ in range(10000 if self.FULL else 100 if SLOW else 600):
            self.open()
        self.during("idle", lambda: time.sleep(0.01))

    def test_slow_loris(self):
        for _ in range(2000 if self.FULL else 50 if SLOW else 300):
            self.open(b"POST %s HTTP/1.1\r\nHost: x\r\n" % SERVICE.encode())
        turn = itertools.cycle(list(self.others))
        self.during("slow loris", lambda: (next(turn).sendall(b"A: b\r\n"), time.sleep(0.001)))

    def test_half_closed(self):
        def act():
            with socket.create_connection(("127.0.0.1", self.sidecar.port), timeout=60) as one:
                one.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{" %
                            SERVICE.encode())
                one.shutdown(socket.SHUT_WR)
                self.assertIn(b"400", one.recv(1000)[:16])

        self.during("half closed", act)

    def test_pipelines_that_nobody_reads(self):
        self.during("pipelined", lambda: (self.open(b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n" * 500), time.sleep(0.02)))

    def test_endless_chunks(self):
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"

        def act():
            with socket.create_connection(("127.0.0.1", self.sidecar.port), timeout=60) as one:
                one.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" %
                            SERVICE.encode())
                for _ in range(300):  # twice of what is taken
                    one.sendall(chunk)

        self.during("endless chunks", act)
        with self.assertRaises(OSError):
            act()

    def test_bytes_that_are_no_text(self):
        bad = self.body.replace(b"Practitioner", b"\xff\xfe\xed\xa0\x80")
        self.assertEqual(self.sidecar.call(bad)[0], 400)
        self.during("no text", lambda: self.assertEqual(self.sidecar.call(bad)[0], 400))

    def test_paths_that_lead_nowhere(self):
        def status(target):
            with socket.create_connection(("127.0.0.1", self.sidecar.port), timeout=60) as one:
                one.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = b""
                while piece := one.recv(65536):
                    answer += piece
            self.assertNotIn(b"root:", answer)
            return int(answer[9:12])

        for target in (b"/../../etc/passwd", b"/fhir/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/..%2f..%2fetc%2fpasswd",
                       b"/fhir/Questionnaire/..%2f..%2f..%2fetc%2fpasswd", b"/fhir/Questionnaire/%00", b"/fhir/Questionnaire/%ff",
                       b"//etc/passwd", b"/cds-services/%", b"/" + b"a/" * 1000):
            self.assertEqual(status(target), 404, target)
        self.assertIn(status(b"file:///etc/passwd"), (400, 404))
        self.during("paths", lambda: status(b"/" + b"../" * 600))


class Stop(Case):
    def test_signals_end_it_orderly(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            sidecar = self.start()
            idle = socket.create_connection(("127.0.0.1", sidecar.port))
            idle.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"200 OK", idle.recv(1000))
            begin = time.monotonic()
            self.assertEqual(sidecar.stop(how)[0], 0)
            self.assertLess(time.monotonic() - begin, 8)
            idle.close()

    def refuses_soon(self, port):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            except OSError:
                return True
            time.sleep(0.05)
        return False

    def test_a_request_that_was_begun_is_answered(self):
        sidecar = self.start()
        body = json.dumps(sample_call()).encode()
        one = socket.create_connection(("127.0.0.1", sidecar.port), timeout=60)
        one.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
                    b"Content-Length: %d\r\n\r\n" % (SERVICE.encode(), len(body)))
        self.assertIn(b"100 Continue", one.recv(1000))
        one.sendall(body[:1000])
        sidecar.process.send_signal(signal.SIGTERM)
        self.assertTrue(self.refuses_soon(sidecar.port))
        one.sendall(body[1000:])
        answer = b""
        while piece := one.recv(65536):
            answer += piece
        one.close()
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK"), answer[:100])
        self.assertIn(b"Connection: close", answer)
        self.assertEqual(sidecar.stop()[0], 0)

    def test_it_ends_with_its_terminal(self):
        child, terminal = pty.fork()
        if child == 0:
            os.execv(PROGRAM, [PROGRAM, "serve", "--demo", "--port", "0"])
        said = b""
        while b"Listening on" not in said:
            said += os.read(terminal, 10000)
        os.kill(child, signal.SIGHUP)  # while it is there: read again
        while b'"reload":"knowledge","result":"done"' not in said:
            said += os.read(terminal, 10000)
        os.close(terminal)
        for _ in range(400):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            time.sleep(0.05)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.assertEqual((ended, status), (child, 0))

    def test_a_client_that_never_ends_does_not_hold_it(self):
        sidecar = self.start()
        half = socket.create_connection(("127.0.0.1", sidecar.port))
        half.sendall(b"POST / HTTP/1.1\r\nHo")
        time.sleep(0.2)
        begin = time.monotonic()
        self.assertEqual(sidecar.stop()[0], 0)
        self.assertLess(time.monotonic() - begin, 15)
        half.close()


if __name__ == "__main__":
    unittest.main()
