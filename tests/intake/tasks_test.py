#!/usr/bin/env python3
"""Tasks for invitations, at a server that validates what it takes, loses answers, and while the program is killed."""
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import intake_cli_test  # noqa: E402
from intake_cli_test import CANARY, NOW, ROOT, Browser, Sidecar, run  # noqa: E402

LATER = "2026-11-22T12:00:00Z"
USUAL = {"who-answers": "self", "age-years": "46", "sex-at-birth": "male", "movement-type": "flicker", "site-scope": "eyelid-only",
         "eyelid-detail": "lid-flutter", "duration": "under-1-week", "course": "better", "worry-level": "little", "anything-else": ""}
SDC = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp"


# Lets clients in before a FHIR server, for the scopes that it likes.
class Gate(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path.endswith("/.well-known/smart-configuration"):
            return self.answer(200, json.dumps({"token_endpoint": f"http://127.0.0.1:{self.server.server_port}/token"}).encode())
        if self.path == "/token":
            scope = urllib.parse.parse_qs(body.decode())["scope"][0]
            self.server.asked.append(scope)
            if "Task" in scope and self.server.refuses:
                return self.answer(400, b'{"error":"invalid_scope"}')
            return self.answer(200, json.dumps({"access_token": "t", "token_type": "bearer", "expires_in": 300, "scope": scope}).encode())
        if self.headers.get("Authorization") != "Bearer t" and not self.path.endswith("/metadata"):
            return self.answer(401, b"{}")
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept", "If-None-Exist", "If-Match") if self.headers[name]}
        asked = urllib.request.Request(self.server.behind + self.path, body or None, headers, method=self.command)
        try:
            with urllib.request.urlopen(asked, timeout=30) as got:
                return self.answer(got.status, got.read(), got.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            return self.answer(error.code, error.read(), error.headers["Content-Type"])

    do_GET = do_POST = do_PUT = serve


class Tasks(unittest.TestCase):
    setUp_folder = intake_cli_test.Intake.setUp
    configure = intake_cli_test.Intake.configure
    invite = intake_cli_test.Intake.invite
    create = intake_cli_test.Intake.create

    def setUp(self):
        self.setUp_folder()

    def server(self, *options):
        process = subprocess.Popen(["node", os.path.join(ROOT, "tests", "fhir-server", "server.js"), *options], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.base = process.stdout.readline().split()[-1].rstrip("/")

    def use(self, task="on", **delivery):
        self.configure({"store": "store.sqlite", "clinic": "Example Clinic", "phone": "020 7946 0123", "emergency-number": "112", "task": task},
                       delivery={"store": "store.sqlite", **({"to": self.base} if not delivery else delivery)})

    def serve(self, now=NOW):
        sidecar = Sidecar("--deliver", "--config", self.config, now=now)
        self.addCleanup(lambda: sidecar.process.poll() is None and sidecar.end(signal.SIGKILL))
        return sidecar

    def stored(self, kind):
        with urllib.request.urlopen(f"{self.base}/{kind}?_count=1000", timeout=30) as answer:
            return [entry["resource"] for entry in json.load(answer).get("entry", [])]

    def wait(self, holds, sidecar=None):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            tasks = self.stored("Task")
            if holds(tasks):
                return tasks
            time.sleep(0.2)
        raise AssertionError((self.stored("Task"), run("deliver", "--store", self.store, "--all")[1], sidecar and sidecar.log[-2000:]))

    def statuses(self):
        return sorted(one["status"] for one in self.stored("Task"))

    def fill_in(self, sidecar, link):
        browser = Browser(sidecar.port)
        browser.come(link)
        for _ in range(60):
            if browser.path == "/p/review":
                break
            self.assertEqual(browser.answer(USUAL.get(browser.path.rsplit("/", 1)[1], "none")), 200, browser.page)
        browser.fill()
        self.assertEqual(browser.path, "/p/done")

    def test_a_task_goes_with_its_invitation(self):
        self.server()
        self.use()
        links = [self.create() for _ in range(2)]
        code, out, err = run("invite", "--config", self.config, "--now", "2026-11-21T10:00:00Z", "create", "--patient", f"Patient/{CANARY}",
                             "--born", "1980-02-27", "--days", "1")  # ends before LATER
        self.assertEqual(code, 0, err)
        links.append(out.strip())
        sidecar = self.serve()
        tasks = self.wait(lambda all_: len(all_) == 3, sidecar)
        self.assertEqual(self.statuses(), ["requested"] * 3)
        for task in tasks:
            self.assertEqual((task["for"], task["owner"]), ({"reference": f"Patient/{CANARY}"},) * 2)
            self.assertEqual(task["code"]["coding"], [{"system": SDC, "code": "complete-questionnaire"}])
            self.assertEqual(task["input"][0]["type"]["coding"][0]["code"], "questionnaire")
            self.assertRegex(task["input"][0]["valueCanonical"], r"^https?://.*\|.+")
            self.assertNotIn("focus", task)
            self.assertEqual(task["requester"]["display"], "Example Clinic")
            text = json.dumps(task)
            for link in links:  # nothing that opens the form
                self.assertNotIn(urllib.parse.urlsplit(link).path.rsplit("/", 1)[1], text)
            self.assertNotIn("/p/", text)
            self.assertNotIn("1980", text)
        self.fill_in(sidecar, links[0])
        self.invite("withdraw", "2")
        self.wait(lambda all_: self.statuses() == ["cancelled", "completed", "requested"], sidecar)
        done, = (one for one in self.stored("Task") if one["status"] == "completed")
        response, = self.stored("QuestionnaireResponse")
        output, = done["output"]
        self.assertEqual(output["type"]["coding"], [{"system": SDC, "code": "questionnaire-response"}])
        self.assertEqual(output["valueReference"]["reference"], f"QuestionnaireResponse/{response['id']}")
        self.assertEqual(output["valueReference"]["identifier"]["value"], response["identifier"]["value"])
        cancelled, = (one for one in self.stored("Task") if one["status"] == "cancelled")
        self.assertEqual(cancelled["statusReason"], {"text": "withdrawn"})
        self.assertEqual(sidecar.end(), 0)
        # Nobody answered in time.
        sidecar = self.serve(LATER)
        self.wait(lambda all_: self.statuses() == ["cancelled", "cancelled", "completed"], sidecar)
        self.assertEqual({one["statusReason"]["text"] for one in self.stored("Task") if "statusReason" in one}, {"withdrawn", "expired"})
        self.assertNotIn(CANARY, sidecar.log)
        self.assertIn("task", run("deliver", "--store", self.store, "--all")[1])
        page = Browser(sidecar.port)
        self.assertEqual(page.ask("GET", "/c/worklist"), 200)
        self.assertEqual(len(set(re.findall(r"/c/summary/[^\"]+", page.page))), 1, "Tasks are no forms")
        self.assertEqual(sidecar.end(), 0)

    def test_lost_answers_and_a_program_that_is_killed_double_and_lose_nothing(self):
        self.server("--drop-every", "2")
        self.use()
        for _ in range(12):
            self.create()
        for wait in (0.1, 0.4, 0.8, 1.2):
            sidecar = self.serve()
            time.sleep(wait)
            sidecar.end(signal.SIGKILL)
        for number in range(1, 7):
            self.invite("withdraw", str(number))
        sidecar = self.serve()
        self.wait(lambda all_: self.statuses() == ["cancelled"] * 6 + ["requested"] * 6, sidecar)
        tasks = self.stored("Task")
        self.assertEqual(len({one["identifier"][0]["value"] for one in tasks}), 12)
        self.assertEqual(sidecar.end(), 0)

    def test_who_refuses_the_scope_of_tasks_gets_the_results_all_the_same(self):
        self.server()
        gate = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate)
        gate.behind, gate.refuses, gate.asked = self.base.split("/fhir")[0], True, []
        self.addCleanup(gate.server_close)
        self.addCleanup(gate.shutdown)
        threading.Thread(target=gate.serve_forever).start()
        key = os.path.join(self.folder.name, "key.pem")
        subprocess.run(["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", key], check=True)
        os.chmod(key, 0o600)
        self.use(**{"to": f"http://127.0.0.1:{gate.server_port}/fhir/R4", "client-id": "myoflag", "key": key})
        link = self.create()
        sidecar = self.serve()
        listed = lambda: run("deliver", "--store", self.store, "--all")[1]  # noqa: E731
        end = time.monotonic() + 60
        while "invalid_scope" not in listed() and time.monotonic() < end:
            time.sleep(0.2)
        self.assertRegex(listed(), r"waiting.*task.*MF-1522.*invalid_scope.*tried", sidecar.log[-2000:])
        self.fill_in(sidecar, link)
        end = time.monotonic() + 60
        while not self.stored("QuestionnaireResponse") and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual(len(self.stored("QuestionnaireResponse")), 1, (listed(), sidecar.log[-2000:]))
        self.assertEqual(self.stored("Task"), [])
        page = Browser(sidecar.port)
        self.assertEqual(page.ask("GET", "/c/worklist"), 200)
        self.assertIn("Task of an invitation", page.page)
        self.assertIn("invalid_scope", page.page)
        gate.refuses = False  # and once it is let in, it arrives by itself
        self.wait(lambda all_: [one["status"] for one in all_] == ["completed"], sidecar)
        self.assertEqual({("Task" in scope, "Observation" in scope) for scope in gate.asked}, {(True, False), (False, True)})
        self.assertEqual(sidecar.end(), 0)

    def test_off_unless_it_is_wanted_and_what_a_server_refuses_is_told(self):
        self.server("--lax")
        self.use(task="off")
        self.create()
        sidecar = self.serve()
        time.sleep(3)
        self.assertEqual(self.stored("Task"), [])
        sidecar.end()
        self.use(to=self.base, site="epic-like")  # takes updates of Tasks alone
        sidecar = self.serve()
        end = time.monotonic() + 60
        while "MF-3154" not in run("deliver", "--store", self.store)[1] and time.monotonic() < end:
            time.sleep(0.2)
        self.assertIn("MF-3154", run("deliver", "--store", self.store)[1])
        page = Browser(sidecar.port)
        self.assertEqual(page.ask("GET", "/c/worklist"), 200)
        self.assertIn("Task of an invitation", page.page)
        self.assertEqual(sidecar.end(), 0)
        code, _, err = run("config", "--check", self.config)
        self.assertEqual(code, 0, err)
        self.use(task="maybe")
        self.assertIn("MF-4254", run("config", "--check", self.config)[2])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
