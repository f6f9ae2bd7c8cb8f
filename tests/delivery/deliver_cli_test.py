#!/usr/bin/env python3
"""myoflag deliver from outside: an EHR on this machine, processes killed at any moment, and no patient data where none belongs."""
import http.server
import json
import os
import random
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

PROGRAM = os.environ["MYOFLAG"]
ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
NOW = "2026-11-22T09:00:00Z"
TYPES = ["Device", "QuestionnaireResponse", "Observation", "ServiceRequest", "DocumentReference", "Provenance", "Communication"]
CANARY = "canary-4711"


def sample(name):
    return os.path.join(ROOT, "samples", name)


def name_of(resource):
    identifier = resource.get("identifier")
    if identifier is None:
        return resource["meta"]["tag"][0]["code"]
    return (identifier if isinstance(identifier, dict) else identifier[0])["value"]


class Ehr:
    """FHIR in memory: conditional creates one by one, transactions where `transactions`; or plain creates. `lose_every`: so many
    writes are done, and the answer to the last of them is lost."""

    def __init__(self, transactions=False, conditional=True, lose_every=0):
        self.stored, self.lock, self.transactions, self.hook = {}, threading.Lock(), transactions, lambda handler: None
        self.references, self.requests = [], 0
        self.conditional, self.lose_every, self.created = conditional, lose_every, []
        ehr = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, body=None, **headers):
                data = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def body(self):
                return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def do_GET(self):
                ehr.requests += 1
                if self.path.endswith("/metadata"):
                    self.reply(200, ehr.statement())
                else:
                    kind, query = self.path.split("/")[-1].split("?")
                    query = urllib.parse.unquote(query)
                    found = [{"resource": r} for r in ehr.created if r["resourceType"] == kind and name_of(r) == query.split("|")[-1]]
                    self.reply(200, {"resourceType": "Bundle", "type": "searchset", "entry": found})

            def do_POST(self):
                ehr.requests += 1
                resource = self.body()
                raw = ehr.hook(self)
                if raw is not None:
                    self.wfile.write(raw)
                    self.close_connection = True
                    return
                if resource["resourceType"] == "Bundle":
                    with ehr.lock:
                        ids = {e["fullUrl"]: ehr.place(e["resource"], e["request"]["ifNoneExist"]) for e in resource["entry"]}
                        for e in resource["entry"]:
                            ehr.put(e["resource"], ids)
                    self.reply(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": [
                        {"response": {"status": "201 Created", "location": ids[e["fullUrl"]] + "/_history/1"}} for e in resource["entry"]]})
                    return
                with ehr.lock:
                    if ehr.conditional:
                        place = ehr.place(resource, self.headers["If-None-Exist"])
                    else:
                        place = f"{resource['resourceType']}/{1000 + len(ehr.created)}"
                        ehr.created.append({**resource, "id": place.split("/")[1]})
                        ehr.stored[name_of(resource)] = place
                    ehr.put(resource, {})
                if ehr.lose_every and len(ehr.created) % ehr.lose_every == 0:
                    self.close_connection = True
                    return
                self.reply(201, Location=f"{ehr.base}/{place}/_history/1")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that are killed break off
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}/fhir"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def statement(self):
        resources = [{"type": t, "conditionalCreate": self.conditional, "conditionalUpdate": self.conditional,
                      "interaction": [{"code": c} for c in ("create", "update", "search-type")]} for t in TYPES]
        interaction = [{"code": "transaction"}] if self.transactions else []
        return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "interaction": interaction, "resource": resources}]}

    def place(self, resource, search):
        key = resource["resourceType"] + "?" + urllib.parse.unquote(search)
        if key not in self.stored:
            self.stored[key] = f"{resource['resourceType']}/{1000 + len(self.stored)}"
        return self.stored[key]

    def put(self, resource, ids):
        text = json.dumps(resource)
        for urn, place in ids.items():
            text = text.replace(urn, place)
        self.references += re.findall(r'"reference": "([^"]*)"', text)

    def wrong(self):
        known = set(self.stored.values())
        return [r for r in self.references if r.startswith("urn:") or (re.fullmatch(r"\w+/1\d\d\d", r) and r not in known)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Deliver(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.store = os.path.join(self.folder, "outbox.sqlite")

    def ehr(self, **how):
        ehr = Ehr(**how)
        self.addCleanup(ehr.close)
        return ehr

    def call(self, *arguments, **environment):
        done = subprocess.run([PROGRAM, "deliver", "--store", self.store, *arguments], capture_output=True, timeout=120,
                              env={**os.environ, **environment})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def add(self, *files, more=()):
        code, out, err = self.call("add", *files, "--now", NOW, *more)
        self.assertEqual(code, 0, err)
        return out

    def with_canary(self):
        path = os.path.join(self.folder, "in.json")
        with open(sample("critical-calcium/bundle.json"), encoding="utf-8") as file:
            text = json.dumps(json.load(file))
        text = text.replace("Patient/ines", "Patient/" + CANARY).replace('"id": "ines"', f'"id": "{CANARY}"')
        text = text.replace("calcium-form", "form-" + CANARY)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_what_is_added_is_delivered_once_and_told(self):
        for transactions in (True, False):
            ehr = self.ehr(transactions=transactions)
            self.store = os.path.join(self.folder, f"{transactions}.sqlite")
            out = self.add(sample("eyelid-coffee/response.json"))
            self.assertIn("item 1", out)
            self.assertIn("it was there already", self.add(sample("eyelid-coffee/response.json")))
            self.assertIn("1 waiting", self.call()[1])
            code, out, err = self.call("run", "--to", ehr.base)
            self.assertEqual((code, out), (0, ""), err)
            self.assertIn("item 1: delivered", err)
            self.assertIn("0 waiting, 0 parked, 1 delivered", self.call()[1])
            count = len(ehr.stored)
            self.assertGreater(count, 10)
            self.assertEqual(ehr.wrong(), [])
            self.assertEqual(self.call("run", "--to", ehr.base)[0], 0)
            self.assertEqual(len(ehr.stored), count)

    def test_killed_at_any_moment_it_goes_on(self):
        ehr = self.ehr()
        ehr.hook = lambda _: time.sleep(0.02)  # so that it is killed before it is done, also on a busy machine
        self.add(sample("eyelid-coffee/response.json"), sample("critical-calcium/bundle.json"))
        random.seed(1)
        kills = 0
        while kills < 8:
            child = subprocess.Popen([PROGRAM, "deliver", "--store", self.store, "run", "--to", ehr.base, "--quiet"],
                                     stderr=subprocess.DEVNULL, start_new_session=True)
            seen, wanted = ehr.requests, ehr.requests + random.randrange(2, 16)
            while ehr.requests < wanted and child.poll() is None:
                time.sleep(0.001)
            if child.poll() is not None:
                break
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            kills += 1
            self.assertGreater(ehr.requests, seen)
        code, _, err = self.call("run", "--to", ehr.base)
        self.assertEqual(code, 0, err)
        self.assertGreater(kills, 3)
        self.assertEqual(ehr.wrong(), [])
        undisturbed = self.ehr(transactions=True)
        self.store += ".2"
        self.add(sample("eyelid-coffee/response.json"), sample("critical-calcium/bundle.json"))
        self.assertEqual(self.call("run", "--to", undisturbed.base)[0], 0)
        self.assertEqual(set(ehr.stored), set(undisturbed.stored))

    def test_lost_answers_to_plain_creates_double_nothing(self):
        ehr = self.ehr(conditional=False, lose_every=29)
        self.add(sample("eyelid-coffee/response.json"))
        code, _, err = self.call("run", "--to", ehr.base)
        self.assertEqual(code, 0, err)
        names = [name_of(resource) for resource in ehr.created]
        self.assertGreater(len(names), 50)
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(ehr.wrong(), [])

    def test_an_answer_that_kills_the_client_is_survived(self):
        ehr = self.ehr()
        evil = [b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"] * 2
        ehr.hook = lambda handler: evil.pop() if evil else None
        self.add(sample("eyelid-coffee/response.json"))
        code, _, err = self.call("run", "--to", ehr.base)
        self.assertEqual(code, 0, err)
        self.assertEqual(evil, [])
        self.assertIn("1 delivered", self.call()[1])
        self.assertEqual(ehr.wrong(), [])

    def test_no_patient_data_where_none_belongs(self):
        ehr = self.ehr(transactions=True)
        ehr.hook = lambda handler: (b"HTTP/1.1 422 X\r\nContent-Length: %d\r\n\r\n" % len(CANARY)) + CANARY.encode()
        path = self.with_canary()
        said = [self.add(path, more=["--escalate", "communication"]).replace(path, "")]
        for arguments in (["run", "--to", ehr.base], [], ["--all"], ["--urgent"], ["retry", "1"], ["retry", "1"], ["park", "9"]):
            said += self.call(*arguments)[1:]
        text = "".join(said)
        self.assertIn("MF-3155", text)
        self.assertIn("emergency", text)
        self.assertNotIn(CANARY, text)
        self.assertIn(CANARY, self.call("show", "1")[1])
        out = os.path.join(self.folder, "out")
        self.store += ".files"
        self.add(path)
        self.assertEqual(self.call("run", "--folder", out, "--site", "file")[0], 0)
        self.assertEqual(len(os.listdir(out)), 2)
        self.assertNotIn(CANARY, "".join(os.listdir(out)))

    def test_what_is_urgent_is_shown_until_somebody_acknowledges_it(self):
        self.assertIn("URGENT", self.add(sample("critical-calcium/bundle.json")))
        self.add(sample("eyelid-coffee/response.json"))
        self.assertEqual(len(self.call("--urgent")[1].splitlines()), 3)
        for who in ((), ("--by", ""), ("--by", "  "), ("--by", "x" * 101)):
            self.assertEqual(self.call("acknowledge", "1", *who)[0], 2, who)
        self.assertEqual(self.call("acknowledge", "1", "--by", "Dr \x1b[2J A")[0], 0)
        self.assertEqual(self.call("acknowledge", "1", "--by", "somebody later")[0], 0)
        self.assertIn("nothing urgent", self.call("--urgent")[1])
        told = self.call("--urgent", "--all")[1]
        self.assertRegex(told, r"delivery +acknowledged\n.*Z by Dr <U\+001B>\[2J A\n")
        self.assertNotIn("somebody later", told)
        self.assertEqual(self.call("acknowledge", "7", "--by", "A")[0], 2)

    def test_a_parked_item_waits_for_a_person(self):
        ehr = self.ehr()
        self.add(sample("eyelid-coffee/response.json"))
        self.assertEqual(self.call("park", "1")[0], 0)
        code, _, err = self.call("run", "--to", ehr.base)
        self.assertEqual(code, 1, err)
        self.assertEqual(len(ehr.stored), 0)
        self.assertIn("MF-3164", self.call()[1])
        self.assertEqual(self.call("retry", "1")[0], 0)
        self.assertEqual(self.call("run", "--to", ehr.base)[0], 0)
        self.assertGreater(len(ehr.stored), 10)

    def test_wrong_use_is_told(self):
        self.assertEqual(self.call()[0], 2)
        self.assertFalse(os.path.exists(self.store))
        self.add(sample("eyelid-coffee/response.json"))
        for arguments in (["run"], ["run", "--to", "http://ehr.example"], ["run", "--to", "http://127.0.0.1:1", "--site", "x"],
                          ["run", "--folder", "x"], ["run", "--to", "http://127.0.0.1:1", "--site", "file"], ["retry", "x"]):
            code, out, err = self.call(*arguments)
            self.assertEqual((code, out), (2, ""), (arguments, err))
            self.assertNotEqual(err, "")
        code, _, err = self.call("add", sample("broken-on-purpose/response.json"))
        self.assertEqual(code, 1)
        self.assertIn("1 waiting", self.call()[1])
        code, _, err = self.call("run", "--to", "http://127.0.0.1:1", "--once")
        self.assertEqual((code, "MF-3160" in err), (3, True), err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
