#!/usr/bin/env python3
"""What a record suggests, on real sockets: an EHR that is there, slow, gone, broken, hostile, and that of somebody else."""
import http.server
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import intake_cli_test  # noqa: E402
from intake_cli_test import CANARY, NOW, PROGRAM, Browser, Sidecar, run  # noqa: E402

SLOW = any(word in PROGRAM for word in ("asan", "tsan"))
WAIT = 1.5
NONE = {"resourceType": "Bundle", "type": "searchset", "total": 0}


def found(*resources):
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def medicine(text="Lithium carbonate", patient=CANARY):
    return {"resourceType": "MedicationRequest", "id": "m-" + text[:4], "status": "active", "intent": "order",
            "subject": {"reference": f"Patient/{patient}"}, "medicationCodeableConcept": {"text": text}}


def gone(status):
    return lambda handler: handler.reply({"resourceType": "OperationOutcome"}, status)


class Record:
    """The reading side of an EHR, with a token endpoint. `how[type]`: answers in its place; `asked`: types and who asked."""

    def __init__(self):
        self.asked, self.how, self.tokens = [], {}, []
        self.patient = {"resourceType": "Patient", "id": CANARY, "gender": "male", "birthDate": "1980-02-27"}
        self.meds = found(medicine())
        record = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, body, status=200):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")))
                if self.path.endswith("/token"):
                    record.tokens.append(form)
                    self.reply({"access_token": "own-token", "token_type": "bearer", "expires_in": 300, "scope": form.get("scope", "")})
                else:
                    self.reply({"resourceType": "OperationOutcome"}, 503)  # nothing is delivered here

            def do_GET(self):
                kind = re.split(r"[/?]", self.path[len("/fhir"):].lstrip("/"))[0]
                if kind in ("metadata", ".well-known") or "identifier" in self.path or "_tag" in self.path:
                    self.reply({"resourceType": "OperationOutcome"}, 503)
                    return
                record.asked.append((kind, self.headers["Authorization"]))
                how = record.how.get(kind) or record.how.get("")
                if how is not None:
                    how(self)
                else:
                    self.reply({"Patient": record.patient, "MedicationRequest": record.meds}.get(kind, NONE))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}/fhir"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def late(handler):
    time.sleep(6)
    handler.reply(NONE)


def refused(handler):
    handler.reply({"resourceType": "OperationOutcome"}, 500)


def broken(handler):
    """cpprestsdk ends its process for this."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n")
    handler.close_connection = True


def garbage(handler):
    handler.reply(b'{"resourceType": "Bundle", "entry": [{"resource": ')


def long(handler):
    handler.reply(b'{"resourceType":"Bundle","type":"searchset","x":"' + b"y" * 10_000_000 + b'"}')


class Prefill(unittest.TestCase):
    configure_file = intake_cli_test.Intake.configure
    invite = intake_cli_test.Intake.invite
    create = intake_cli_test.Intake.create

    def setUp(self):
        intake_cli_test.Intake.setUp(self)
        self.record = Record()
        self.addCleanup(self.record.close)

    def configure(self, intake=None, base="https://cds.example", **more):
        whole = {"store": "store.sqlite", "clinic": "Example Clinic", "phone": "020 7946 0123", "emergency-number": "112"}
        self.configure_file({**whole, **(intake if intake is not None else {"prefill": "on", "prefill-wait": int(WAIT * 1000)})}, base, **more)

    def serve(self, now=NOW, intake=None, to=None, **delivery):
        self.configure(intake, delivery={"store": "store.sqlite", "to": to or self.record.base, **delivery})
        sidecar = Sidecar("--deliver", "--config", self.config, now=now)
        self.addCleanup(lambda: sidecar.process.poll() is None and sidecar.end(signal.SIGKILL))
        return sidecar

    def rows(self):
        connection = sqlite3.connect(self.store)
        try:
            return connection.execute("SELECT invitation, fetched, length(record), suggested, tries FROM prefill ORDER BY 1").fetchall()
        finally:
            connection.close()

    def until(self, holds, what, seconds=60):
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.1)

    def fetched(self):
        self.until(lambda: any(row[1] for row in self.rows()), "a record is fetched")

    def page(self, browser, question="medicine-classes"):
        self.assertEqual(browser.ask("GET", f"/p/q/{question}"), 200)
        return browser.page

    @staticmethod
    def ticked(page):
        return re.findall(r'id="[a-z-]*?-classes-([a-z-]+)"[^>]* checked', page)

    def come(self, sidecar, link):
        """How long the date of birth took."""
        browser = Browser(sidecar.port)
        browser.ask("GET", urllib.parse.urlsplit(link).path)
        browser.fill()
        begin = time.monotonic()
        browser.fill(d="27", m="2", y="1980")
        self.assertEqual(browser.path, "/p/q/em-now")
        return browser, time.monotonic() - begin

    def silent(self, sidecar):
        for word in (CANARY, "ithium", "1980-02", "Zzyzx"):
            self.assertNotIn(word, sidecar.log)

    def test_it_is_fetched_in_the_background_and_shown_behind_the_date_of_birth(self):
        sidecar = self.serve()
        link = self.create()
        self.fetched()
        asked = len(self.record.asked)
        self.assertEqual(sorted(kind for kind, _ in self.record.asked),
                         ["Condition", "MedicationRequest", "Observation", "Observation", "Patient", "ServiceRequest"])
        browser = Browser(sidecar.port)
        for path in (urllib.parse.urlsplit(link).path, "/p/q/medicine-classes"):
            browser.ask("GET", path)
            self.assertNotIn("ithium\"", browser.page)
        browser, took = self.come(sidecar, link)
        self.assertLess(took, 30 if SLOW else 1)
        self.assertEqual(len(self.record.asked), asked, "it is there: nobody waits")
        page = self.page(browser)
        self.assertEqual(self.ticked(page), ["lithium"])
        self.assertIn("Your record seems to say:", page)
        self.assertNotIn("carbonate", page)
        # Another device; and what one changed is changed on both.
        other, _ = self.come(sidecar, link)
        self.assertEqual(self.ticked(self.page(other)), ["lithium"])
        browser.answer("statin")
        for device in (browser, other):
            self.assertEqual(self.ticked(self.page(device)), ["statin"])
        self.silent(sidecar)
        self.invite("withdraw", "1")
        self.assertEqual([row for row in self.rows() if row[0] == 1], [])

    def test_it_is_fetched_anew_where_it_is_too_old_when_the_form_is_opened(self):
        sidecar = self.serve()
        link = self.create()
        self.fetched()
        self.record.meds = found(medicine("Simvastatin"))
        self.assertEqual(self.ticked(self.page(self.come(sidecar, link)[0])), ["lithium"])
        sidecar.end()
        sidecar = self.serve(now="2026-11-23T10:00:00Z")
        self.assertEqual(self.ticked(self.page(self.come(sidecar, link)[0])), ["statin"])
        # It cannot be had a day later: what was there before is shown, to be corrected.
        sidecar.end()
        self.record.how[""] = refused
        sidecar = self.serve(now="2026-11-24T11:00:00Z")
        self.assertEqual(self.ticked(self.page(self.come(sidecar, link)[0])), ["statin"])
        connection = sqlite3.connect(self.store)
        self.assertEqual(connection.execute("SELECT whole FROM prefill").fetchall(), [(2,)], "it is due in the background")
        connection.close()
        self.silent(sidecar)

    def test_an_ehr_that_is_away_hinders_nobody(self):
        closed = socket.socket()
        closed.bind(("127.0.0.1", 0))
        self.addCleanup(closed.close)
        cases = {"slow": late, "refused": refused, "broken": broken, "garbage": garbage, "too long": long}
        for name, how in [*cases.items(), ("gone", None)]:
            with self.subTest(name):
                self.record.how = {"": how} if how else {}
                sidecar = self.serve(to=f"http://127.0.0.1:{closed.getsockname()[1]}/fhir" if name == "gone" else None)
                for _ in range(2):  # the second time nobody waits
                    browser, took = self.come(sidecar, self.create())
                    self.assertLess(took, 30 if SLOW else WAIT + 1)
                    page = self.page(browser)
                    self.assertEqual(self.ticked(page), [])
                    self.assertNotIn("Your record", page)
                self.until(lambda: "MF-4269" in sidecar.log, sidecar.log)
                self.silent(sidecar)
                self.assertEqual(sidecar.end(), 0)

    def test_a_part_that_cannot_be_had_hides_only_itself(self):
        for number, how in enumerate((refused, garbage, long), 1):  # what ends a process ends all of it
            self.record.how = {"Condition": how}
            sidecar = self.serve()
            link = self.create()
            self.until(lambda: len([row for row in self.rows() if row[1]]) == number, sidecar.log)  # noqa: B023
            self.assertEqual(self.ticked(self.page(self.come(sidecar, link)[0])), ["lithium"])
            sidecar.end()

    def test_of_another_patient_nothing_is_shown(self):
        own = self.record.patient
        for patient, meds in (({**own, "id": "other"}, self.record.meds), ({**own, "birthDate": "1999-09-09"}, self.record.meds),
                              (own, found(medicine("Lithium", "other"))), (own, found(medicine(), medicine("Zzyzx", "other")))):
            self.record.patient, self.record.meds = patient, meds
            sidecar = self.serve()
            link = self.create()
            self.until(lambda: '"prefill":"not used"' in sidecar.log, sidecar.log)
            self.assertIn("MF-4268", sidecar.log)
            browser, _ = self.come(sidecar, link)
            for question in ("medicine-classes", "sex-at-birth"):
                page = self.page(browser, question)
                self.assertNotIn(" checked", page)
                self.assertNotIn("Your record", page)
            self.assertEqual(self.rows()[-1][2:4], (0, b"") if isinstance(self.rows()[-1][3], bytes) else (0, ""))
            self.silent(sidecar)
            sidecar.end()

    def test_it_is_judged_beside_the_answers_and_not_kept_longer(self):
        sidecar = self.serve()
        link = self.create()
        self.fetched()
        browser, _ = self.come(sidecar, link)
        usual = {"who-answers": "self", "age-years": "46", "sex-at-birth": "male", "movement-type": "flicker", "site-scope": "eyelid-only",
                 "eyelid-detail": "lid-flutter", "duration": "under-1-week", "course": "better", "worry-level": "little", "anything-else": ""}
        for _ in range(60):
            if browser.path == "/p/review":
                break
            browser.answer(usual.get(browser.path.rsplit("/", 1)[1], "none"))
        browser.fill()
        self.assertEqual(browser.path, "/p/done")
        self.assertEqual([row for row in self.rows() if row[0] == 1], [])
        listed = run("deliver", "--store", self.store, "--all")[1]
        item = re.findall(r"^\s*(\d+)", listed, re.M)[-1]
        shown = run("deliver", "--store", self.store, "show", item)[1]
        self.assertIn("Lithium carbonate", shown, "patient and record differ, and the clinician sees it")
        self.assertIn('"conflict"', shown)
        self.silent(sidecar)

    def test_in_our_own_name_with_leave_to_read_and_no_more(self):
        key = os.path.join(self.folder.name, "key.pem")
        subprocess.run(["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", key], check=True, capture_output=True)
        sidecar = self.serve(**{"client-id": "myoflag", "key": key, "token-url": self.record.base + "/token"})
        self.create()
        self.fetched()
        self.assertEqual({who for _, who in self.record.asked}, {"Bearer own-token"})
        scopes = {form["scope"] for form in self.record.tokens}
        mine, = (scope for scope in scopes if "system/MedicationRequest.rs" in scope)
        self.assertTrue(all(one.endswith(".rs") for one in mine.split()), mine)
        self.assertNotIn("own-token", sidecar.log)

    def test_with_the_token_or_the_name_that_delivery_has_in_the_environment(self):
        for number, (variables, who) in enumerate((({"MYOFLAG_EHR_TOKEN": "own-static"}, "Bearer own-static"),
                                                   ({"MYOFLAG_EHR_USER": "us", "MYOFLAG_EHR_PASSWORD": "pw"}, "Basic dXM6cHc=")), 1):
            self.record.asked.clear()
            os.environ.update(variables)
            try:
                sidecar = self.serve()
            finally:
                for name in variables:
                    del os.environ[name]
            self.create()
            self.until(lambda: len([row for row in self.rows() if row[1]]) == number, sidecar.log)  # noqa: B023
            self.assertEqual({one for _, one in self.record.asked}, {who})
            self.assertNotIn("own-static", sidecar.log)
            sidecar.end()

    def test_where_the_patient_may_not_be_read_any_more_what_was_kept_goes(self):
        for number, (status, stays) in enumerate(((401, True), (500, True), (403, False), (404, False), (410, False)), 1):
            with self.subTest(status):
                self.record.how = {}
                sidecar = self.serve()
                link = self.create()
                self.until(lambda: any(row[0] == number and row[1] for row in self.rows()), sidecar.log)  # noqa: B023
                sidecar.end()
                self.record.how = {"Patient": gone(status)}
                sidecar = self.serve(now="2026-11-23T12:00:00Z")
                self.assertEqual(self.ticked(self.page(self.come(sidecar, link)[0])), ["lithium"] if stays else [])
                self.assertIn("MF-4269" if stays else "MF-4268", sidecar.log)
                sidecar.end()

    def test_a_quick_refusal_makes_nobody_else_go_without(self):
        sidecar = self.serve()
        link, other = self.create(), self.create()
        self.until(lambda: len([row for row in self.rows() if row[1]]) == 2, sidecar.log)
        sidecar.end()
        self.record.how = {"": refused}
        sidecar = self.serve(now="2026-11-23T12:00:00Z")
        self.come(sidecar, link)
        self.record.how, self.record.meds = {}, found(medicine("Simvastatin"))
        self.assertEqual(self.ticked(self.page(self.come(sidecar, other)[0])), ["statin"])

    def test_what_is_too_long_as_a_whole_is_used_by_its_first_pages(self):
        filler = [medicine("Zzyzx " + "y" * 900) | {"id": f"z{number}"} for number in range(400)]

        def page(handler):
            number = int((re.search(r"page=(\d)", handler.path) or [0, "1"])[1])
            bundle = found(*([medicine()] if number == 1 else []), *[one | {"id": f"{number}{one['id']}"} for one in filler])
            following = {"link": [{"relation": "next", "url": f"{self.record.base}/MedicationRequest?page={number + 1}"}]} if number < 4 else {}
            handler.reply(bundle | following)

        self.record.how = {"MedicationRequest": page}
        sidecar = self.serve()
        link = self.create()
        self.fetched()
        self.assertLess(self.rows()[0][2], 1 << 20)
        self.assertEqual(self.ticked(self.page(self.come(sidecar, link)[0])), ["lithium"])
        connection = sqlite3.connect(self.store)
        self.assertEqual(connection.execute("SELECT whole FROM prefill").fetchall(), [(0,)], "there are further pages")
        connection.close()
        self.silent(sidecar)

    def test_a_record_that_is_damaged_stands_in_no_answers_way(self):
        sidecar = self.serve()
        link = self.create()
        self.fetched()
        browser, _ = self.come(sidecar, link)
        connection = sqlite3.connect(self.store)
        with connection:
            connection.execute("UPDATE prefill SET record=x'00ff00ff'")
        connection.close()
        browser.answer("none")
        browser.answer("face-droop")
        self.assertIn("Call 112 now", browser.page)
        self.assertIn("MF-3107", sidecar.log)
        self.silent(sidecar)

    def test_what_is_under_way_does_not_hold_up_the_end(self):
        self.record.how = {"": lambda handler: (time.sleep(30), handler.reply(NONE))}
        sidecar = self.serve()
        self.create()
        self.until(lambda: self.record.asked, "it asks")
        begin = time.monotonic()
        self.assertEqual(sidecar.end(), 0)
        self.assertLess(time.monotonic() - begin, 30 if SLOW else 8)

    def test_it_is_off_unless_it_is_set_and_wants_an_ehr(self):
        sidecar = self.serve(intake={})
        link = self.create()
        browser, _ = self.come(sidecar, link)
        self.assertNotIn(" checked", self.page(browser, "sex-at-birth"))
        self.assertEqual((self.record.asked, self.rows()), ([], []))
        for intake, delivery, said in (({"prefill": "on"}, {}, "MF-4255: intake.prefill goes with delivery.to"),
                                       ({"prefill": "yes"}, {}, "MF-4254"), ({"prefill": "on", "prefill-wait": 9_000}, {}, "MF-4254")):
            self.configure(intake, **delivery)
            code, _, err = run("config", "--check", self.config)
            self.assertEqual(code, 2)
            self.assertIn(said, err)

    def test_in_our_own_name_nobody_else_is_asked(self):
        """An order without a token for another endpoint ends the process, and nothing was sent."""
        for base, wanted in ((self.record.base, 6), ("http://127.0.0.1:1/fhir", 0), ("", 0)):
            ours, theirs = socket.socketpair()
            self.record.asked.clear()
            with ours, theirs:
                process = subprocess.Popen([os.path.join(os.path.dirname(PROGRAM), "myoflag-ehr"), "fetch", *(["--base", base] if base else [])],
                                           stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                order = json.dumps({"base": self.record.base, "token": "", "milliseconds": 5000, "requests": [],
                                    "queries": ["/Patient/" + CANARY] * 6}).encode()
                ours.sendall(len(order).to_bytes(4, "big") + order)
                if wanted:
                    self.until(lambda: len(self.record.asked) == 6, "it asks")
                    process.kill()
                self.assertEqual(process.wait(30), -9 if wanted else 2)
            self.assertEqual(len(self.record.asked), wanted)


if __name__ == "__main__":
    unittest.main()
