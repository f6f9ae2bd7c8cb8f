#!/usr/bin/env python3
"""What did not come with a call is fetched: a real EHR end on this machine that is slow, broken, hostile or gone."""
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

from serve_test import CANARY, SERVICE, SLOW, Case, Client, sample_call

TOKEN = "secret-token-" + CANARY


class Record:
    """An EHR's reading side. `how[type]`: a function that answers for that type, `self.asked`: who was asked for what, with which
    token."""

    def __init__(self, call):
        self.asked, self.how, record = [], {}, self
        self.values = {"Patient": call["prefetch"]["patient"], "QuestionnaireResponse": call["prefetch"]["intake"],
                       "laboratory": call["prefetch"]["labs"], "Condition": call["prefetch"]["conditions"]}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, body, status=200, **headers):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                kind = re.split(r"[/?]", self.path[len("/fhir"):].lstrip("/"))[0]
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                record.asked.append((kind, self.path, self.headers["Authorization"]))
                name = query.get("category") if query.get("category") in ("laboratory", "survey") else kind
                how = record.how.get(name)
                if how is not None:
                    how(self)
                else:
                    self.reply(record.values.get(name, {"resourceType": "Bundle", "type": "searchset", "total": 0}))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}/fhir"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def broken(handler):
    """cpprestsdk ends its process for this."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n")
    handler.close_connection = True


def too_long(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "300000000")
    handler.end_headers()
    for _ in range(300):
        handler.wfile.write(b" " * 1_000_000)


def trickle(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b" ")
        time.sleep(0.05)


class Fetch(Case):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.client = Client(self.folder)
        self.given = sample_call()
        self.record = self.ehr()

    def ehr(self):
        record = Record(self.given)
        self.addCleanup(record.close)
        return record

    def serve(self, deadline=1500, limits=None, **fetch):
        clients = [{"issuer": "https://ehr.example", "key-set": "keys.json", "fhir-server": self.record.base}]
        sections = {"limits": limits} if limits else {}
        sidecar = self.start(mode=("--config", self.client.configure(
            trust={"clients": clients}, fetch={"deadline": deadline, **fetch}, **sections)))
        end = time.monotonic() + 60  # its processes take their time to begin, above all sanitized ones
        while self.count(sidecar, 'myoflag_fetches{result="fetched"}') < 7 * 8 and time.monotonic() < end:
            self.ask(sidecar, self.bare())
        self.record.asked.clear()
        return sidecar

    @staticmethod
    def count(sidecar, name):
        line, = (line for line in sidecar.ask("GET", "/metrics")[2].decode().splitlines() if line.startswith(name + " "))
        return int(line.split()[-1])

    def bare(self, keep=(), server=None):
        """The sample call with those keys of its prefetch only, and a token."""
        call = json.loads(json.dumps(self.given))
        call["prefetch"] = {key: value for key, value in call["prefetch"].items() if key in keep}
        call["fhirServer"] = server or self.record.base
        call["fhirAuthorization"] = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs",
                                     "subject": "cds-service"}
        return call

    def ask(self, sidecar, call):
        status, _, body = sidecar.ask("POST", SERVICE, json.dumps(call), {"Content-Type": "application/json",
                                                                         "Authorization": "Bearer " + self.client.token()})
        return status, json.loads(body)

    def card(self, sidecar, call):
        status, body = self.ask(sidecar, call)
        self.assertEqual((status, len(body.get("cards", []))), (200, 1), body)
        return self.shown(body)

    @staticmethod
    def shown(body):
        """The first card, whenever it was made."""
        made = r'(?<=")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ(?=")|(?<=evaluated )\d{4}-\d\d-\d\d \d\d:\d\d(?= UTC)'
        return json.loads(re.sub(made, "now", json.dumps(body["cards"][0])))

    def fails(self, handler):
        handler.reply({"resourceType": "OperationOutcome"}, 500)

    def test_a_fetched_card_is_the_card_of_the_same_prefetch(self):
        sidecar = self.serve()
        self.given["fhirServer"] = self.record.base
        expected = self.card(sidecar, self.given)
        self.assertEqual(self.record.asked, [])
        self.record.how["MedicationRequest"] = self.fails
        self.assertEqual(self.card(sidecar, self.bare()), expected)
        self.assertEqual(sorted(kind for kind, _, _ in self.record.asked),
                         ["Condition", "MedicationRequest", "Observation", "Observation", "Patient", "QuestionnaireResponse",
                          "ServiceRequest"])
        self.assertEqual({token for _, _, token in self.record.asked}, {"Bearer " + TOKEN})
        self.assertEqual(self.card(sidecar, self.bare(server=self.record.base + "/")), expected)

    def test_only_what_did_not_come_is_fetched(self):
        sidecar = self.serve()
        self.card(sidecar, self.bare(keep=("patient", "intake", "labs", "meds")))
        self.assertEqual(sorted(kind for kind, _, _ in self.record.asked), ["Condition", "Observation", "ServiceRequest"])

    def test_what_is_late_broken_or_too_long_is_unknown_and_named(self):
        sidecar = self.serve(deadline=1500 if SLOW else 800)
        before = self.count(sidecar, 'myoflag_fetches{result="not fetched"}')
        for how in (trickle, broken, too_long, lambda handler: time.sleep(4), lambda handler: handler.reply(b"{"),
                    lambda handler: handler.reply([]), self.fails):
            self.record.how = {"Condition": how}
            begin = time.monotonic()
            call = self.bare(keep=("patient", "intake", "flags", "labs", "meds", "orders"))
            detail = self.card(sidecar, call)["detail"]
            self.assertLess(time.monotonic() - begin, 30 if SLOW else 2)
            self.assertIn("could not give problem list", detail)
        self.record.how = {}
        self.assertNotIn("could not give problem list", self.card(sidecar, self.bare())["detail"])
        self.assertEqual(self.count(sidecar, 'myoflag_fetches{result="not fetched"}') - before, 7)

    @unittest.skipIf(SLOW, "sanitized, a card takes longer than the least card-time")
    def test_a_card_has_the_time_that_is_configured(self):
        def late(handler):  # within the deadline of fetching
            time.sleep(1.15)
            handler.reply(self.given["prefetch"]["conditions"])

        call = json.dumps(self.bare(keep=("patient", "intake", "flags", "labs", "meds", "orders")))
        for seconds in (1, 30):
            with self.subTest(seconds=seconds):
                sidecar = self.serve(limits={"card-time": seconds})
                self.given["fhirServer"] = self.record.base
                whole = self.card(sidecar, self.given)
                self.record.how["Condition"] = late
                begin = time.monotonic()
                status, headers, body = sidecar.ask("POST", SERVICE, call, {
                    "Content-Type": "application/json", "Authorization": "Bearer " + self.client.token()})
                took = time.monotonic() - begin
                self.record.how.clear()
                if seconds == 1:
                    self.assertEqual((status, "Retry-After" in headers), (503, True), body)
                    self.assertIn("MF-4213", body.decode())
                    self.assertGreater(took, 0.9)
                    self.assertEqual(self.card(sidecar, json.loads(call)), whole, "the next call is answered again")
                else:
                    self.assertEqual(status, 200, body)
                    self.assertGreater(took, 1.1)
                    self.assertEqual(self.shown(json.loads(body)), whole)

    def test_without_the_intake_answers_there_is_no_card(self):
        sidecar = self.serve(deadline=1500 if SLOW else 800)
        self.record.how["QuestionnaireResponse"] = lambda handler: time.sleep(3)
        status, body = self.ask(sidecar, self.bare())
        self.assertEqual(status, 412)
        self.assertIn("MF-4226", json.dumps(body))
        self.record.how = {"QuestionnaireResponse": lambda handler: handler.reply({"resourceType": "Bundle", "type": "searchset"})}
        self.assertEqual(self.ask(sidecar, self.bare()), (200, {"cards": []}))

    def test_the_token_goes_nowhere_else(self):
        other = self.ehr()
        sidecar = self.serve()
        status, body = self.ask(sidecar, self.bare(server=other.base))
        self.assertEqual(status, 412)
        self.assertIn("MF-4225", json.dumps(body))
        for server in (self.record.base + "/../other", self.record.base + "@127.0.0.1:1", self.record.base[:-1],
                       self.record.base.replace("127.0.0.1", "localhost")):
            self.assertEqual(self.ask(sidecar, self.bare(server=server))[0], 412, server)
        self.assertEqual(self.record.asked, [])
        elsewhere = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": other.base + "/Condition?page=2"}]}
        self.record.how = {"Patient": lambda handler: handler.reply(b"", 307, Location=other.base + "/Patient/example-cds"),
                           "Condition": lambda handler: handler.reply(elsewhere)}
        detail = self.card(sidecar, self.bare())["detail"]
        self.assertIn("could not give patient details", detail)
        self.assertEqual(other.asked, [])

    def test_pages_are_followed_and_the_first_counts_when_the_second_is_late(self):
        entries = self.given["prefetch"]["labs"]["entry"]
        first = {**self.given["prefetch"]["labs"], "entry": [], "link": [{"relation": "next", "url": self.record.base + "?page=2"}]}

        def pages(slow):
            def page(handler):
                if slow and "page=2" in handler.path:
                    time.sleep(4)
                if "page=2" in handler.path:
                    handler.reply({"resourceType": "Bundle", "type": "searchset", "entry": entries + entries})
                else:
                    handler.reply(first)
            return page

        sidecar = self.serve(deadline=1500 if SLOW else 800)
        self.given["prefetch"]["flags"] = None
        keep = ("patient", "intake", "flags", "conditions", "meds", "orders")
        whole = self.card(sidecar, self.bare(keep=(*keep, "labs")))
        for slow in (False, True):
            self.record.how = {"laboratory": pages(slow), "": pages(slow)}
            fetched = self.card(sidecar, self.bare(keep=keep))
            call = self.bare(keep=keep)
            call["prefetch"]["labs"] = first
            followed = self.card(sidecar, call)
            for card in (fetched, followed):
                (self.assertNotEqual if slow else self.assertEqual)(card["detail"], whole["detail"])

    def test_another_patient_is_refused(self):
        sidecar = self.serve()
        self.record.how["Patient"] = lambda handler: handler.reply({"resourceType": "Patient", "id": "another"})
        status, body = self.ask(sidecar, self.bare())
        self.assertEqual(status, 400)
        self.assertIn("MF-4224", json.dumps(body))

    def test_a_slow_record_holds_up_nobody_else(self):
        sidecar = self.serve(deadline=1000, **{"at-once": 2})
        full = json.dumps(self.given)
        for kind in ("Patient", "QuestionnaireResponse"):
            self.record.how[kind] = lambda handler: time.sleep(5)
        threads = [threading.Thread(target=self.ask, args=(sidecar, self.bare())) for _ in range(8)]
        tokens = [self.client.token() for _ in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        times = []
        for token in tokens:
            begin = time.monotonic()
            status, _, _ = sidecar.ask("POST", SERVICE, full, {"Content-Type": "application/json", "Authorization": "Bearer " + token})
            times.append(time.monotonic() - begin)
            self.assertEqual(status, 200)
        self.assertLess(sorted(times)[2], 0.5 if not SLOW else 3)
        for thread in threads:
            thread.join()

    def test_tokens_stay_in_memory_and_no_process_is_left(self):
        sidecar = self.serve()

        def children():
            found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(sidecar.process.pid)], capture_output=True, check=False)
            return [int(word) for word in found.stdout.split()]

        self.record.how["Condition"] = lambda handler: time.sleep(0.3)
        thread = threading.Thread(target=self.card, args=(sidecar, self.bare()))
        thread.start()
        time.sleep(0.1)
        helpers = children()
        self.assertEqual(len(helpers), 4)
        for process in helpers:
            for name in ("cmdline", "environ"):
                with open(f"/proc/{process}/{name}", "rb") as file:
                    self.assertNotIn(CANARY.encode(), file.read())
        thread.join()
        before = self.count(sidecar, "myoflag_fetch_processes_replaced")
        for process in helpers:
            os.kill(process, signal.SIGKILL)
        time.sleep(0.2)
        statuses = [self.ask(sidecar, self.bare())[0] for _ in range(5)]
        self.assertEqual(statuses, [200] * 5)
        self.assertGreaterEqual(self.count(sidecar, "myoflag_fetch_processes_replaced") - before, 1)
        helpers = children()
        self.assertEqual(sidecar.stop()[0], 0)
        self.assertNotIn(CANARY.encode(), sidecar.log)
        time.sleep(0.2)
        for process in helpers:
            self.assertFalse(os.path.exists(f"/proc/{process}"))
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(CANARY.encode(), file.read())

    def test_a_file_that_is_not_there_is_told_at_the_start(self):
        clients = [{"issuer": "https://ehr.example", "key-set": "keys.json", "fhir-server": self.record.base}]
        for fetch, code in (({"ca": "gone.pem"}, "MF-4001"), ({"proxy": "http://a:b@proxy.example"}, "MF-4254")):
            config = self.client.configure(trust={"clients": clients}, fetch=fetch)
            done = subprocess.run([os.environ["MYOFLAG"], "serve", "--port", "0", "--config", config], capture_output=True, timeout=60)
            self.assertIn(done.returncode, (2, 3))
            self.assertIn(code, done.stderr.decode())

    def test_a_token_that_is_none_is_refused(self):
        sidecar = self.serve()
        call = self.bare()
        call["fhirAuthorization"]["access_token"] = "a\r\nX-Other: b"
        status, body = self.ask(sidecar, call)
        self.assertEqual(status, 400)
        self.assertNotIn("X-Other", json.dumps(body))
        self.assertEqual(self.record.asked, [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
