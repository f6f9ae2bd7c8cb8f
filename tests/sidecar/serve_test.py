#!/usr/bin/env python3
"""The sidecar from outside: a real process, real sockets, signals."""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

PROGRAM = os.environ["MYOFLAG"]
ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
NOW = "2026-11-22T09:00:00Z"
CALL = os.path.join(ROOT, "samples", "cds-hooks", "hook-call.txt")
SERVICE = "/cds-services/myoflag-intake-review"
CANARY = "Canary-16180"


class Sidecar:
    def __init__(self, *arguments, mode=("--demo", "--now", NOW)):
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
            found = re.match(rb"Listening on http://(?:127\.0\.0\.1|\[::1\]):(\d+)$", line.strip())
            if found:
                self.port = int(found.group(1))
                self.ready.set()
        self.ready.set()

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

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
        self.trust = self.put("trust.json", {"base": "https://cds.example", "clients": [
            {"issuer": "https://ehr.example", "keySet": "keys.json"}]})

    def put(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)
        return path

    @staticmethod
    def openssl(*arguments, given=b""):
        return subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True).stdout

    def token(self, **changes):
        now = int(time.time())
        claims = {"iss": "https://ehr.example", "aud": "https://cds.example" + SERVICE, "exp": now + 300, "iat": now,
                  "jti": str(uuid.uuid4()), **changes}
        header = {"alg": "ES384", "typ": "JWT", "kid": "k1"}
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
        sidecar = self.start(mode=("--trust", self.client.trust))
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
        missing = self.client.put("other.json", {"base": "https://cds.example", "clients": [{"issuer": "i", "keySet": "gone.json"}]})
        for arguments, code in ((("--trust", missing), "MF-4001"), (("--trust", self.client.key), "MF-4250"),
                                (("--trust", self.client.trust, "--host", "0.0.0.0"), "MF-4241"),
                                (("--trust", self.client.trust, "--demo"), "--demo"),
                                (("--trust", self.client.trust, "--now", NOW), "--now")):
            done = subprocess.run([PROGRAM, "serve", "--port", "0", *arguments], capture_output=True, timeout=60)
            self.assertIn(done.returncode, (2, 3), arguments)
            self.assertIn(code, done.stderr.decode())


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

    def test_a_port_in_use_is_said(self):
        sidecar = self.start()
        status, out, err = self.run_serve("--demo", "--port", str(sidecar.port))
        self.assertEqual((status, out), (3, b""))
        self.assertIn("MF-4218", err)

    def test_start_is_quick(self):
        begin = time.monotonic()
        self.start().ask("GET", "/health")
        self.assertLess(time.monotonic() - begin, 20)


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
