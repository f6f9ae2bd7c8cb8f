#!/usr/bin/env python3
"""Responses found in an EHR from outside: a server on this machine that pages, refuses, goes in circles and breaks off, and processes
that are killed. Each version is taken once, judged with its record, and its results are in the same EHR once."""
import copy
import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
sys.path.insert(0, os.path.join(ROOT, "tests", "delivery"))
sys.path.insert(0, os.path.join(ROOT, "tests", "sidecar"))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from deliver_cli_test import Ehr as DeliveryEhr, PROGRAM, sample  # noqa: E402
from postgres import PASSWORD, Postgres  # noqa: E402
from serve_test import Case as ServeCase  # noqa: E402

CANARY = "canary-90210"


def moment(**ago):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**ago)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def response_of(ident, name="eyelid-coffee", patient="p1"):
    with open(sample(f"{name}/response.json"), encoding="utf-8") as file:
        response = json.load(file)
    return {**response, "id": ident, "subject": {"reference": f"Patient/{patient}"}, "authored": moment(minutes=10)}


class Ehr(DeliveryEhr):
    """That of the delivery, with responses to be found. `fault(params, number)` may answer a search for them itself:
    (status, headers, bytes); `broken`: ids whose text is no JSON; `down`: types that answer 503."""

    def __init__(self, **how):
        super().__init__(transactions=True, **how)
        self.responses, self.records, self.page_size = {}, {}, 50
        self.fault, self.broken, self.down, self.searches = (lambda params, number: None), set(), set(), []
        ehr, handler = self, self.server.RequestHandlerClass
        usual = handler.do_GET

        def do_GET(it):
            path, _, query = it.path.partition("?")
            params = dict(urllib.parse.parse_qsl(query))
            parts = path.split("/")[2:]
            if it.path.endswith("/metadata") or "identifier" in params or "_tag" in params:
                usual(it)
                return
            ehr.requests += 1
            if parts[0] in ehr.down:
                it.reply(503)
            elif "questionnaire" in params:
                ehr.searches.append(params)
                ehr.answer_search(it, params)
            elif len(parts) == 2 and parts[0] == "QuestionnaireResponse":
                if parts[1] in ehr.broken:
                    ehr.send(it, 200, {}, b'{"resourceType":"QuestionnaireResponse", half of it')
                else:
                    it.reply(200, ehr.responses[parts[1]])
            elif len(parts) == 2:
                it.reply(200, {"resourceType": "Patient", "id": parts[1], "gender": "female", "birthDate": "1982-03-04"})
            else:
                it.reply(200, ehr.bundle([r for r in ehr.records.get(parts[0], []) if r["subject"]["reference"].endswith(params["patient"])
                                          and (parts[0] != "Observation" or params["category"] == "laboratory")]))

        handler.do_GET = do_GET

    @staticmethod
    def send(it, status, headers, body):
        it.send_response(status)
        for name, value in headers.items():
            it.send_header(name, value)
        it.send_header("Content-Length", str(len(body)))
        it.end_headers()
        it.wfile.write(body)

    @staticmethod
    def bundle(resources, **more):
        entry = {"entry": [{"resource": r} for r in resources]} if resources else {}  # FHIR has no empty arrays
        return {"resourceType": "Bundle", "type": "searchset", **entry, **more}

    def answer_search(self, it, params):
        own = self.fault(params, len(self.searches))
        if own is not None:
            self.send(it, *own)
            return
        since = params["_lastUpdated"][2:]
        with self.lock:
            found = sorted((r for r in self.responses.values() if r["meta"]["lastUpdated"] > since), key=lambda r: r["meta"]["lastUpdated"])
        first = int(params.get("page", 0))
        page = found[first:first + self.page_size]
        more = {}
        if first + self.page_size < len(found):
            after = urllib.parse.urlencode({**params, "page": first + self.page_size})
            more = {"link": [{"relation": "next", "url": f"{self.base}/QuestionnaireResponse?{after}"}]}
        if "_elements" in params:
            page = [{name: r[name] for name in ("resourceType", "id", "meta", "questionnaire")} for r in page]
        elif self.broken & {r["id"] for r in page}:
            self.send(it, 200, {}, b'{"resourceType":"Bundle","entry":[{')
            return
        it.reply(200, self.bundle(page, **more))

    def hold(self, response, version=1, updated=None):
        response = copy.deepcopy(response)
        response["meta"] = {"versionId": str(version), "lastUpdated": updated or moment()}
        with self.lock:
            self.responses[response["id"]] = response

    def put(self, resource, ids):
        super().put(resource, ids)
        place = ids.get("urn:uuid:" + str(resource.get("identifier", {}).get("value"))
                        if isinstance(resource.get("identifier"), dict) else None)
        if resource["resourceType"] == "QuestionnaireResponse":
            ident = (place or next((p for p in ids.values() if p.startswith("QuestionnaireResponse/")), "x/x")).split("/")[1]
            self.responses[ident] = {**copy.deepcopy(resource), "id": ident, "meta": {"versionId": "1", "lastUpdated": moment()}}


class Poll(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = os.path.join(self.folder, "outbox.sqlite")
        self.ehr = Ehr()
        self.addCleanup(self.ehr.close)

    def call(self, *arguments):
        done = subprocess.run([PROGRAM, "deliver", "--store", self.store, *arguments], capture_output=True, timeout=120)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def poll(self, code=0, *more):
        got, out, err = self.call("poll", "--from", self.ehr.base, *more)
        self.assertEqual((got, out), (code, ""), err)
        return err

    def begin(self):
        """The first round says from when on responses are new."""
        self.poll()

    def found(self):
        return self.call("found", "--all")[1]

    def items(self):
        return [line.split()[:2] for line in self.call("--all")[1].splitlines() if line.split()[1:2] and line.split()[0].isdigit()
                and line.split()[1] in ("waiting", "parked", "delivered")]

    def test_a_new_response_is_judged_with_its_record_and_its_results_come_back(self):
        self.begin()
        with open(sample("critical-calcium/bundle.json"), encoding="utf-8") as file:
            bundle = json.loads(file.read().replace("Patient/ines", "Patient/p1"))
        resources = [entry["resource"] for entry in bundle["entry"]]
        self.ehr.hold({**resources[0], "id": "form-1", "authored": moment(minutes=5)})
        for resource in resources:
            if resource["resourceType"] in ("Observation", "Condition"):
                resource = {**resource, **({"effectiveDateTime": moment(days=1)} if "effectiveDateTime" in resource else {})}
                self.ehr.records.setdefault(resource["resourceType"], []).append(resource)
        self.assertIn("1 responses judged, 1 of them urgent", self.poll())
        shown = self.call("show", "1")[1]
        self.assertIn('"emergency"', shown)
        self.assertIn("Observation/ca-1", shown)
        self.assertEqual(self.call("run", "--to", self.ehr.base, "--quiet")[0], 0)
        written = {key.split("?")[0] for key in self.ehr.stored}
        self.assertIn("DocumentReference", written)
        self.assertNotIn("QuestionnaireResponse", written)  # it is there
        self.assertIn("QuestionnaireResponse/form-1", self.ehr.references)
        self.assertEqual(self.ehr.wrong(), [])
        self.assertIn("0 responses judged", self.poll())
        self.assertRegex(self.found(), r"1  judged .*QuestionnaireResponse/form-1  item 1\nall was seen at")

    def test_what_was_there_before_the_first_round_is_left_to_a_batch(self):
        self.ehr.hold(response_of("old"), updated=moment(days=2))
        self.begin()
        self.assertEqual(self.items(), [])
        query = self.ehr.searches[0]
        self.assertIn("https://myoflag.org/fhir/Questionnaire/twitching", query["questionnaire"].split(","))
        self.assertTrue(query["_lastUpdated"].startswith("gt20"))

    def test_what_we_wrote_ourselves_is_left_alone_until_somebody_changes_it(self):
        self.begin()
        path = os.path.join(self.folder, "response.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(response_of("from-here"), file)
        self.assertEqual(self.call("add", path)[0], 0)
        self.assertEqual(self.call("run", "--to", self.ehr.base, "--quiet")[0], 0)
        self.assertEqual(len(self.ehr.responses), 1)
        self.assertIn("0 responses judged", self.poll())
        self.assertIn("ours", self.found())
        (ident, response), = self.ehr.responses.items()
        changed = copy.deepcopy(response)
        changed["status"] = "amended"
        self.ehr.hold({**changed, "id": ident}, version=2)
        self.assertIn("1 responses judged", self.poll())
        self.assertEqual(len(self.items()), 2)

    def test_an_amended_response_is_judged_anew_and_the_same_one_never_twice(self):
        self.begin()
        self.ehr.hold(response_of("a"))
        self.assertIn("1 responses judged", self.poll())
        self.assertIn("0 responses judged", self.poll())
        amended = response_of("a", "stroke-signs")
        self.ehr.hold({**amended, "status": "amended"}, version=2)
        self.assertIn("1 responses judged, 1 of them urgent", self.poll())
        self.assertEqual([item[0] for item in self.items()], ["1", "2"])
        self.assertIn("0 responses judged", self.poll())

    def test_pages_are_all_read_and_clocks_may_differ(self):
        self.begin()
        self.ehr.page_size = 3
        for number in range(8):
            self.ehr.hold(response_of(f"r{number}"), updated=moment(seconds=-number))
        self.assertIn("8 responses judged", self.poll())
        self.ehr.hold(response_of("late"), updated=moment(minutes=3))  # of a clock that is behind
        self.assertIn("1 responses judged", self.poll())
        self.assertEqual(len(self.items()), 9)

    def test_a_server_that_is_busy_is_asked_when_it_wants(self):
        self.begin()
        self.ehr.hold(response_of("a"))
        self.ehr.fault = lambda params, number: (429, {"Retry-After": "3"}, b"") if number <= 3 else None
        self.assertIn("MF-3170", self.poll(3))
        asked = len(self.ehr.searches)
        self.assertIn("asked again", self.poll())
        self.assertEqual(len(self.ehr.searches), asked)
        self.assertIn("1 rounds failed since", self.found())
        time.sleep(4)
        self.assertIn("1 responses judged", self.poll())
        self.assertNotIn("failed", self.found())

    def test_a_page_elsewhere_is_never_asked_for(self):
        elsewhere = Ehr()
        self.addCleanup(elsewhere.close)
        self.begin()
        self.ehr.hold(response_of("a"))
        self.ehr.fault = lambda params, number: (200, {}, json.dumps(self.ehr.bundle(
            list(self.ehr.responses.values()), link=[{"relation": "next", "url": elsewhere.base + "/QuestionnaireResponse?x=1"}])).encode())
        self.assertIn("MF-1511", self.poll(3))
        self.assertEqual(elsewhere.requests, 0)
        self.ehr.fault = lambda params, number: None
        time.sleep(1.1)
        self.assertIn("1 responses judged", self.poll())

    def test_pages_without_end_and_circles_end(self):
        self.begin()
        self.ehr.hold(response_of("a"))

        def endless(params, number):
            url = f"{self.ehr.base}/QuestionnaireResponse?questionnaire=x&_lastUpdated=gt2000&n={number if self.moving else 0}"
            return 200, {}, json.dumps(self.ehr.bundle(list(self.ehr.responses.values()), link=[{"relation": "next", "url": url}])).encode()

        for self.moving in (True, False):
            self.ehr.fault = endless
            before = len(self.ehr.searches)
            self.assertIn("MF-3171", self.poll(3))
            self.assertLess(len(self.ehr.searches) - before, 120)
            time.sleep(2.1)
        self.ehr.fault = lambda params, number: None
        self.assertIn("1 responses judged", self.poll())  # taken before, judged when a round goes well
        self.assertEqual(len(self.items()), 1)

    def test_one_that_cannot_be_judged_is_shown_and_the_others_go_on(self):
        self.begin()
        bad = response_of("bad")
        bad["item"] = CANARY
        self.ehr.hold(bad)
        self.ehr.hold({**response_of("nobody"), "subject": {"display": CANARY}})
        self.ehr.hold(response_of("good"))
        said = self.poll(1)
        self.assertIn("1 responses judged", said)
        listed = self.call("found")[1]
        self.assertEqual(listed.count("parked"), 2, listed)
        self.assertIn("not judged: 0 wait, 2 parked", self.call()[1])
        self.assertIn("MF-3173", listed)
        self.assertNotIn(CANARY, listed + said)
        self.poll(1)
        self.assertEqual(len(self.items()), 1)

    def test_one_that_cannot_be_read_hides_no_other(self):
        self.begin()
        for ident in ("a", "b", "c"):
            self.ehr.hold(response_of(ident))
        self.ehr.broken = {"b"}
        self.assertIn("2 responses judged", self.poll(1))
        listed = self.call("found")[1]
        self.assertIn("MF-3172", listed)
        self.assertIn("QuestionnaireResponse/b", listed)
        self.ehr.broken = set()
        self.assertEqual(self.call("retry-found", listed.split()[0])[0], 0)
        self.assertIn("1 responses judged", self.poll())
        self.assertEqual(len(self.items()), 3)
        self.assertIn("MF-3105", self.call("retry-found", "1")[2])
        self.assertIn("MF-3104", self.call("retry-found", "99")[2])

    def test_what_cannot_be_fetched_is_named_and_a_server_that_is_down_waited_for(self):
        self.begin()
        self.ehr.hold(response_of("a"))
        self.ehr.down = {"Condition", "MedicationRequest"}
        self.assertIn("1 responses judged", self.poll())
        shown = json.loads(self.call("show", "1")[1])
        said = [notice["text"] for notice in shown["notices"] if notice["kind"] == "record-problem"]
        self.assertEqual(len([text for text in said if "the record could not give" in text]), 2, shown["notices"])
        self.assertEqual(len(said), 2, said)
        self.ehr.hold(response_of("b", patient="p2"))
        self.ehr.down = {"Condition", "MedicationRequest", "Patient", "Observation", "ServiceRequest"}
        usual = self.ehr.server.RequestHandlerClass.do_GET

        def do_GET(it):
            if "patient=p2" in it.path:
                it.reply(503)
            else:
                usual(it)

        self.ehr.server.RequestHandlerClass.do_GET = do_GET
        self.assertIn("gives nothing of a record", self.poll(3))
        self.assertIn("waiting", self.call("found")[1])
        self.ehr.server.RequestHandlerClass.do_GET, self.ehr.down = usual, set()
        time.sleep(1.1)
        self.assertIn("1 responses judged", self.poll())

    def test_earlier_answers_that_cannot_be_fetched_reassure_nobody(self):
        self.begin()
        self.ehr.hold(response_of("a"))
        usual = self.ehr.server.RequestHandlerClass.do_GET

        def do_GET(it):
            if "/QuestionnaireResponse?patient=" in it.path:
                it.reply(503)
            else:
                usual(it)

        self.ehr.server.RequestHandlerClass.do_GET = do_GET
        self.assertIn("1 responses judged", self.poll())
        kinds = [notice["kind"] for notice in json.loads(self.call("show", "1")[1])["notices"]]
        self.assertIn("record-problem", kinds)
        self.assertIn("doubtful-answers", kinds)

    def test_killed_at_any_moment_each_is_judged_once(self):
        self.begin()
        self.ehr.page_size = 4
        for number in range(12):
            self.ehr.hold(response_of(f"r{number}", patient=f"p{number}"))
        random.seed(2)
        kills = 0
        while kills < 8:
            before, wanted = self.ehr.requests, self.ehr.requests + random.randrange(1, 30)
            child = subprocess.Popen([PROGRAM, "deliver", "--store", self.store, "poll", "--from", self.ehr.base, "--quiet"],
                                     stderr=subprocess.DEVNULL, start_new_session=True)
            while self.ehr.requests < wanted and child.poll() is None:
                time.sleep(0.001)
            if child.poll() is not None:
                break
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            kills += 1
            self.assertGreater(self.ehr.requests, before)
        self.poll()
        self.assertGreaterEqual(kills, 2)
        self.assertEqual(len(self.items()), 12)
        self.assertEqual(self.call("run", "--to", self.ehr.base, "--quiet")[0], 0)
        documents = [key for key in self.ehr.stored if key.startswith("DocumentReference")]
        self.assertEqual(len(documents), 12)

    def test_no_patient_data_where_none_belongs(self):
        self.begin()
        self.ehr.hold(response_of("form", patient=CANARY))
        said = self.poll() + self.found() + self.call()[1] + self.call("--urgent")[1]
        self.ehr.fault = lambda params, number: (500, {}, CANARY.encode())
        said += self.poll(3) + self.call("found")[1]
        self.assertNotIn(CANARY, said)


class PollDatabase(Poll):
    """The same with a database."""

    @classmethod
    def setUpClass(cls):
        cls.server = Postgres("fsync=off")
        cls.addClassCleanup(cls.server.close)
        os.environ["PGPASSWORD"] = PASSWORD

    def setUp(self):
        super().setUp()
        self.store = self.server.database(self.id().split(".")[-1][:60])

    def test_several_that_look_at_once_take_and_judge_each_once(self):
        self.begin()
        for number in range(6):
            self.ehr.hold(response_of(f"several-{number}"))
        looking = [subprocess.Popen([PROGRAM, "deliver", "--store", self.store, "poll", "--from", self.ehr.base, "--quiet"],
                                    stderr=subprocess.PIPE) for _ in range(3)]
        for child in looking:
            told = child.communicate(timeout=120)[1].decode()
            self.assertEqual(child.returncode, 0, told)
        self.assertEqual(self.found().count("  judged  "), 6)
        self.assertEqual(len(self.items()), 6)


class Beside(ServeCase):
    """As a part of the sidecar."""

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.ehr = Ehr()
        self.addCleanup(self.ehr.close)

    def test_it_looks_judges_delivers_and_tells(self):
        path = os.path.join(self.folder, "myoflag.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"delivery": {"store": "outbox.sqlite", "to": self.ehr.base, "poll": 1}}, file)
        sidecar = self.start(mode=("--demo", "--deliver", "--config", path))
        self.wait(sidecar, lambda _: self.ehr.searches)
        time.sleep(1)
        self.ehr.hold(response_of("a", "stroke-signs", patient=CANARY))
        metrics = self.wait(sidecar, lambda text: 'myoflag_found{state="judged"} 1' in text
                            and 'myoflag_outbox_items{state="delivered"} 1' in text)
        for line in ('myoflag_found{state="parked"} 0', "myoflag_poll_failures 0", "myoflag_outbox_urgent 1"):
            self.assertIn(line + "\n", metrics)
        self.assertTrue(any(key.startswith("DocumentReference") for key in self.ehr.stored))
        part = json.loads(sidecar.ask("GET", "/readyz")[2])["parts"]["poll"]
        self.assertEqual((part["ready"], part["stale"], part["failures"]), (True, False, 0))
        self.ehr.fault = lambda params, number: (503, {}, b"")
        self.wait(sidecar, lambda text: "myoflag_poll_failures 0\n" not in text
                  and [line for line in sidecar.lines() if line.get("poll") == "failed"])
        self.assertNotIn(CANARY, sidecar.log.decode() + metrics)
        self.assertEqual(sidecar.stop()[0], 0)

    def wait(self, sidecar, holds):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            text = sidecar.ask("GET", "/metrics")[2].decode()
            if holds(text):
                return text
            time.sleep(0.1)
        raise AssertionError(text + sidecar.log.decode(errors="replace")[-2000:])


# Only what stands here.
def load_tests(loader, *_):
    return unittest.TestSuite(loader.loadTestsFromTestCase(Poll)._tests
                              + [loader.loadTestsFromTestCase(PollDatabase)]
                              + [Beside(name) for name in sorted(vars(Beside)) if name.startswith("test_")])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
