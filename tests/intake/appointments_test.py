#!/usr/bin/env python3
"""Invitations from an EHR's appointments, and reminders: a server on this machine that pages, adds what was not asked for, refuses,
breaks off. Each appointment has one invitation, whatever happens to it and however often it is asked."""
import csv
import http.server
import io
import json
import os
import re
import stat
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

PROGRAM = os.environ["MYOFLAG"]
NOW = "2026-11-22T09:00:00Z"
TYPE = "https://ehr.example.org/visits|neuro"
CANARY = "canary-90210"


class Ehr:
    """`appointments`, `patients` by id; `fault(path, params, number)` may answer itself: (status, bytes)."""

    def __init__(self):
        self.appointments, self.patients, self.page_size = {}, {}, 50
        self.fault, self.asked, self.included = (lambda path, params, number: None), [], True
        ehr = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                path, _, query = self.path.partition("?")
                params = urllib.parse.parse_qsl(query)
                ehr.asked.append((path, params, self.headers.get("Authorization")))
                own = ehr.fault(path, dict(params), len(ehr.asked))
                if own is not None:
                    self.reply(*own)
                    return
                parts = path.split("/")[2:]
                held = ehr.appointments if parts[0] == "Appointment" else ehr.patients
                if len(parts) == 2:
                    self.reply(*((200, held[parts[1]]) if parts[1] in held else (404, {"resourceType": "OperationOutcome"})))
                else:
                    self.reply(200, ehr.search(params))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}/fhir"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def search(self, params):
        """Knows only the date; what else is asked for is for the client to look at."""
        dates = [value for name, value in params if name == "date"]
        low, high = (next(d[2:] for d in dates if d.startswith(sign)) for sign in ("ge", "lt"))
        found = [a for a in self.appointments.values() if low <= a.get("start", low) < high]
        first = int(dict(params).get("page", 0))
        page = found[first:first + self.page_size]
        entries = [{"resource": a, "search": {"mode": "match"}} for a in page]
        if self.included:
            wanted = {p["actor"]["reference"].split("/")[-1] for a in page for p in a["participant"]}
            entries += [{"resource": self.patients[i], "search": {"mode": "include"}} for i in sorted(wanted) if i in self.patients]
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
        if first + self.page_size < len(found):
            after = urllib.parse.urlencode([(n, v) for n, v in params if n != "page"] + [("page", first + self.page_size)])
            bundle["link"] = [{"relation": "next", "url": f"{self.base}/Appointment?{after}"}]
        return bundle

    def book(self, ident, start="2026-11-25T08:30:00Z", patient=None, **more):
        patient = patient or f"{CANARY}-{ident}"
        self.patients.setdefault(patient, {"resourceType": "Patient", "id": patient, "birthDate": "1980-02-27"})
        system, code = TYPE.split("|")
        self.appointments[ident] = {
            "resourceType": "Appointment", "id": ident, "status": "booked", "start": start, "end": start,
            "serviceType": [{"coding": [{"system": system, "code": code}]}],
            "participant": [{"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"}]} | more
        return patient

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Appointments(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.ehr = Ehr()
        self.addCleanup(self.ehr.close)
        self.config = os.path.join(self.folder.name, "myoflag.yaml")
        self.configure()

    def configure(self, **intake):
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump({"service": {"base": "https://cds.example"}, "delivery": {"store": "store.sqlite", "to": self.ehr.base},
                       "intake": {"store": "store.sqlite", "clinic": "Clinic", "phone": "020 7946 0123", "emergency-number": "112",
                                  "appointment-types": [TYPE]} | intake}, file)

    def run_it(self, *words, code=0, now=NOW, **environment):
        done = subprocess.run([PROGRAM, "invite", "--config", self.config, "--now", now, *words], capture_output=True, text=True,
                              timeout=120, check=False, env=os.environ | environment)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotIn(CANARY, done.stderr)
        self.assertNotIn("1980", done.stderr)
        self.assertEqual([n for n in os.listdir(self.folder.name) if n.startswith("appointments-")], [])
        return done.stdout, done.stderr

    def invite(self, *words, **how):
        out, err = self.run_it("--from-appointments", *words, **how)
        self.said = err
        return {row["appointment"].split("/")[-1]: row for row in csv.DictReader(io.StringIO(out))}

    def did(self, *words, **how):
        return {ident: row["did"] for ident, row in self.invite(*words, **how).items()}

    def states(self):
        return sorted(line.split()[1] for line in self.run_it("list")[0].splitlines()[1:])

    def test_everybody_is_invited_once(self):
        for number in range(7):
            self.ehr.book(f"a{number}")
        self.ehr.page_size = 3
        rows = self.invite()
        self.assertEqual({row["did"] for row in rows.values()}, {"invited"})
        self.assertEqual(len({row["link"] for row in rows.values()}), 7)
        for row in rows.values():
            self.assertRegex(row["link"], r"^https://cds\.example/p/[0-9a-f]{32}$")
            self.assertEqual((row["start"], row["expires"]), ("2026-11-25T08:30:00Z",) * 2)
            self.assertTrue(row["patient"].startswith("Patient/" + CANARY))
        self.assertIn("7 invited", self.said)
        params = self.ehr.asked[0][1]
        self.assertEqual(sorted(name for name, _ in params), ["_count", "_include", "date", "date", "service-type", "status"])
        self.assertEqual([value for name, value in params if name == "date"], ["ge2026-11-22T09:00:00Z", "lt2026-12-06T09:00:00Z"])
        rows = self.invite()
        self.assertEqual({(row["did"], row["link"]) for row in rows.values()}, {("kept", "")})
        rows = self.invite("--links")
        self.assertEqual(len({row["link"] for row in rows.values()} - {""}), 7)
        self.assertEqual(self.states(), ["open"] * 7)

    def test_at_once_nobody_is_invited_twice(self):
        for number in range(5):
            self.ehr.book(f"a{number}")
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.did())) for _ in range(4)]
        # The folder of one run stands while another one ends.
        self.run_it, whole = lambda *w, **h: self.quick(*w, **h), self.run_it
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.run_it = whole
        self.assertEqual(sorted(list(one.values()).count("invited") for one in results)[-1] >= 1, True)
        self.assertEqual(sum(list(one.values()).count("invited") for one in results), 5)
        self.assertEqual(self.states(), ["open"] * 5)

    def quick(self, *words, **_):
        done = subprocess.run([PROGRAM, "invite", "--config", self.config, "--now", NOW, *words], capture_output=True, text=True,
                              timeout=120, check=True)
        return done.stdout, done.stderr

    def test_who_is_not_invited_is_said(self):
        self.ehr.book("good")
        self.ehr.book("type", serviceType=[{"coding": [{"system": "https://other.example", "code": "neuro"}]}])
        self.ehr.book("untyped", serviceType=[])
        self.ehr.book("pending", status="pending")
        self.ehr.book("cancelled", status="cancelled")
        self.ehr.patients[self.ehr.book("dead")]["deceasedDateTime"] = "2026-01-01"
        self.ehr.patients[self.ehr.book("dead2")]["deceasedBoolean"] = True
        self.ehr.patients[self.ehr.book("alive")]["deceasedBoolean"] = False
        self.ehr.patients[self.ehr.book("inactive")]["active"] = False
        self.ehr.patients[self.ehr.book("year")]["birthDate"] = "1980"
        del self.ehr.patients[self.ehr.book("unborn")]["birthDate"]
        del self.ehr.patients[self.ehr.book("lost")]
        self.ehr.book("foreign", participant=[{"actor": {"reference": "https://other.example/fhir/Patient/1"}, "status": "accepted"}])
        two = [{"actor": {"reference": f"Patient/{i}"}, "status": "accepted"} for i in ("x", "y")]
        self.ehr.book("group", participant=two)
        self.ehr.book("declined", participant=[two[0] | {"status": "declined"}])
        self.ehr.book("with-doctor", participant=self.ehr.appointments["good"]["participant"] +
                      [{"actor": {"reference": "Practitioner/1"}, "status": "accepted"}])
        self.assertEqual(self.did(), {
            "good": "invited", "alive": "invited", "with-doctor": "invited", "dead": "deceased", "dead2": "deceased",
            "inactive": "inactive", "year": "no-birth-date", "unborn": "no-birth-date", "lost": "no-patient",
            "foreign": "no-patient", "group": "no-patient", "declined": "no-patient"})
        self.assertEqual(self.states(), ["open"] * 3)

    def test_a_server_that_includes_nothing_is_asked_for_each_patient(self):
        self.ehr.included = False
        self.ehr.book("a")
        self.ehr.book("b", participant=[{"actor": {"reference": f"{self.ehr.base}/Patient/{CANARY}-b"}, "status": "accepted"}])
        self.assertEqual(self.did(), {"a": "invited", "b": "invited"})

    def test_the_language_is_the_patients_where_the_pages_have_it(self):
        def speaks(ident, *tags, preferred=None):
            self.ehr.patients[self.ehr.book(ident)]["communication"] = [
                {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": tag}]}} | ({"preferred": True} if tag == preferred else {})
                for tag in tags]

        speaks("es", "es-MX")
        speaks("pref", "en", "ar", preferred="ar")
        speaks("none", "xx")
        speaks("odd", "es\r\nX: y")
        self.assertEqual({i: row["language"] for i, row in self.invite().items()}, {"es": "es", "pref": "ar", "none": "", "odd": ""})

    def test_what_moves_moves_and_what_is_cancelled_is_withdrawn(self):
        for ident in ("moved", "far", "cancelled", "error", "gone", "lost", "noshow", "stays"):
            self.ehr.book(ident)
        first = self.invite()
        self.ehr.appointments["moved"]["start"] = "2026-11-26T10:00:00Z"
        self.ehr.appointments["far"]["start"] = "2027-01-10T10:00:00Z"  # beyond the days that are asked for
        self.ehr.appointments["cancelled"]["status"] = "cancelled"
        self.ehr.appointments["error"]["status"] = "entered-in-error"
        self.ehr.appointments["noshow"]["status"] = "noshow"
        del self.ehr.appointments["gone"]
        del self.ehr.appointments["lost"]
        self.ehr.fault = lambda path, params, number: (410, {"resourceType": "OperationOutcome"}) if path.endswith("/gone") else None
        rows = self.invite(code=3)
        self.assertIn("MF-3182", self.said)
        self.assertEqual({i: row["did"] for i, row in rows.items()}, {
            "moved": "moved", "far": "moved", "cancelled": "withdrawn", "error": "withdrawn", "gone": "withdrawn", "stays": "kept"})
        self.assertEqual(rows["moved"]["expires"], "2026-11-26T10:00:00Z")
        self.assertEqual(rows["far"]["expires"], "2027-01-10T10:00:00Z")
        self.assertEqual({i: row["invitation"] for i, row in rows.items()}, {i: first[i]["invitation"] for i in rows})
        self.assertEqual(self.states(), ["open"] * 5 + ["withdrawn"] * 3)
        del self.ehr.appointments["far"]  # found by nobody any more: left
        # Booked again after all: another one. Withdrawn by a person: none.
        self.ehr.appointments["cancelled"]["status"] = "booked"
        self.run_it("withdraw", first["stays"]["invitation"])
        rows = self.invite(code=3)
        self.assertEqual((rows["cancelled"]["did"], rows["stays"]["did"]), ("invited", "withdrawn-before"))
        self.assertNotEqual(rows["cancelled"]["invitation"], first["cancelled"]["invitation"])
        self.assertEqual(self.invite(code=3)["stays"]["did"], "withdrawn-before")

    def test_a_birth_date_that_was_corrected_and_a_patient_who_died(self):
        patient = self.ehr.book("a")
        self.ehr.book("b")
        self.invite()
        self.ehr.patients[patient]["birthDate"] = "1980-02-28"
        self.ehr.patients[f"{CANARY}-b"]["deceasedBoolean"] = True
        self.assertEqual(self.did(), {"a": "moved", "b": "withdrawn"})
        self.ehr.book("a", patient=f"{CANARY}-other")
        self.assertEqual(self.did()["a"], "other-patient")

    def test_what_was_not_seen_to_the_end_is_not_called_whole(self):
        for number in range(6):
            self.ehr.book(f"a{number}")
        self.ehr.page_size = 3
        outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden", "diagnostics": CANARY}]}
        self.ehr.fault = lambda path, params, number: (403, outcome) if "page" in params else None
        rows = self.invite(code=3)
        self.assertIn("MF-3180", self.said)
        self.assertEqual({row["did"] for row in rows.values()}, {"invited"})
        self.assertEqual(len(rows), 3, "what was seen is invited")
        self.ehr.fault = lambda path, params, number: None
        self.assertEqual(sorted(self.did().values()), ["invited"] * 3 + ["kept"] * 3)
        for body in (b"", b"<html>", b'{"resourceType":"Patient"}', b'{"resourceType":"Bundle","entry":[{', b"[" * 100_000):
            self.ehr.fault = lambda path, params, number: (200, body)
            self.invite(code=3)
        self.ehr.fault = lambda path, params, number: (401, {})
        self.invite(code=3)
        self.assertEqual(self.states(), ["open"] * 6)
        # A search that goes in a circle.
        self.ehr.fault = lambda path, params, number: (200, self.ehr.search([("date", "ge" + NOW), ("date", "lt2027"), ("page", "0")]))
        self.ehr.page_size = 3
        self.invite(code=3)

    def test_it_signs_in_as_the_delivery_does(self):
        self.ehr.book("a")
        self.assertEqual(self.did(MYOFLAG_EHR_TOKEN="secret-1"), {"a": "invited"})
        self.assertEqual({asked[2] for asked in self.ehr.asked}, {"Bearer secret-1"})

    def test_rows_as_json_and_into_a_file(self):
        self.ehr.book("a")
        path = os.path.join(self.folder.name, "links.json")
        with open(path, "w", encoding="utf-8"):
            os.chmod(path, 0o644)
        out, _ = self.run_it("--from-appointments", "--format", "json", "-o", path)
        self.assertEqual(out, "")
        with open(path, encoding="utf-8") as file:
            row, = json.load(file)
        self.assertEqual((row["did"], row["appointment"]), ("invited", "Appointment/a"))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        out, err = self.run_it("--from-appointments", "-o", os.path.join(self.folder.name, "no", "such"), code=3)
        self.assertIn("--links gives further links", err)

    def test_reminders_are_those_without_an_answer_that_end_soon(self):
        self.ehr.book("soon", "2026-11-24T08:00:00Z")
        self.ehr.book("sooner", "2026-11-23T08:00:00Z")
        self.ehr.book("later", "2026-12-03T08:00:00Z")
        self.ehr.book("withdrawn", "2026-11-24T08:00:00Z")
        rows = self.invite()
        self.run_it("withdraw", rows["withdrawn"]["invitation"])
        self.run_it("create", "--patient", "Patient/plain", "--born", "1980-02-27", "--days", "1")

        def remind(*words, **how):
            return list(csv.DictReader(io.StringIO(self.run_it("--reminders", *words, **how)[0])))

        self.assertEqual([(row["appointment"], row["did"], row["link"]) for row in remind()],
                         [("Appointment/sooner", "open", ""), ("", "open", ""), ("Appointment/soon", "open", "")])
        self.assertEqual(remind("-o", "-"), remind())
        self.assertEqual(len(remind("--within", "20")), 4)
        self.assertEqual(remind(now="2027-02-01T00:00:00Z"), [])
        links = [row["link"] for row in remind("--links")]
        self.assertEqual(len({link for link in links if re.fullmatch(r"https://cds\.example/p/[0-9a-f]{32}", link)}), 3)

    def test_what_is_not_configured_or_not_one_thing_is_refused(self):
        self.configure(**{"appointment-types": []})
        self.assertIn("MF-4266", self.run_it("--from-appointments", code=2)[1])
        for words in (["--from-appointments", "--reminders"], [], ["--from-appointments", "list"], ["--within", "3"],
                      ["--from-appointments", "--days-ahead", "91"], ["--reminders", "--format", "xml"]):
            self.run_it(*words, code=2)
        for types in (["neuro"], ["a|b|c"], ["|b"], ["a|"], ["a|b,c"], ["a|b", "a|b"], "a|b"):
            self.configure(**{"appointment-types": types})
            self.assertIn("intake.appointment-types" if types != ["a|b", "a|b"] else "listed already", self.run_it("list", code=2)[1])


if __name__ == "__main__":
    unittest.main()
