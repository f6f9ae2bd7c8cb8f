#!/usr/bin/env python3
"""The program against a HAPI FHIR JPA server, from outside: what it publishes and delivers is there once and right, whoever is killed."""
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from hapi import Hapi

ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
sys.path[1:1] = [os.path.join(ROOT, "tests", "delivery"), os.path.join(ROOT, "tests", "sidecar"), os.path.join(ROOT, "tests", "poll")]
from deliver_cli_test import NOW, PROGRAM, TYPES, name_of, sample  # noqa: E402
from poll_test import moment, response_of  # noqa: E402
from serve_test import SERVICE, Client, Sidecar, sample_call  # noqa: E402

INTAKES = ("eyelid-coffee/response.json", "critical-calcium/bundle.json", "hand-weakness/response.xml", "lithium-conflict/bundle.json",
           "something-new/bundle.json", "stroke-signs/response.json")
DEFINITIONS = ("CodeSystem", "ValueSet", "Questionnaire", "Library", "ActivityDefinition", "PlanDefinition")


def resources_of(intake):
    """Of a Bundle as it comes from an EHR; for a response alone, the patient whom it names."""
    with open(sample(intake), encoding="utf-8") as file:
        text = file.read()
    if intake.endswith("bundle.json"):
        return [entry["resource"] for entry in json.loads(text)["entry"]]
    return [{"resourceType": "Patient", "id": re.search(r"Patient/([A-Za-z0-9.-]+)", text).group(1)}]


def record_of(intakes):
    """What of them an EHR has before, each once."""
    found = {}
    for resource in (r for intake in intakes for r in resources_of(intake)):
        if resource["resourceType"] != "QuestionnaireResponse":
            found.setdefault((resource["resourceType"], resource["id"]), resource)
        for patient in re.findall(r'"Patient/([A-Za-z0-9.-]+)"', json.dumps(resource)):
            found.setdefault(("Patient", patient), {"resourceType": "Patient", "id": patient})
    return list(found.values())


def references_in(value):
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value
        for member in value.values():
            yield from references_in(member)
    elif isinstance(value, list):
        for element in value:
            yield from references_in(element)


def said(resource, names):
    """What it says, whatever the server added; references by `names` of what they lead to."""
    out = json.loads(json.dumps({name: value for name, value in resource.items() if name != "id"}))
    meta = {name: value for name, value in out.pop("meta", {}).items() if name not in ("versionId", "lastUpdated", "source")}
    for reference in references_in(out):
        reference["reference"] = names.get(reference["reference"], reference["reference"])
    return {**out, **({"meta": meta} if meta else {})}


class Case(unittest.TestCase):
    """`server`: its arguments. One server for all tests of a class."""
    server = ()

    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.place)
        cls.hapi = Hapi(cls.place, *cls.server)
        cls.addClassCleanup(cls.hapi.stop)

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def run_program(self, *arguments, code=0):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, timeout=200, check=False)
        self.assertEqual(done.returncode, code, done.stdout.decode() + done.stderr.decode())
        return done.stdout.decode() + done.stderr.decode()

    def deliver(self, store, *arguments, code=0):
        return self.run_program("deliver", "--store", os.path.join(self.folder, store), *arguments, code=code)

    def add(self, store, files):
        self.deliver(store, "add", *files, "--now", NOW, "--escalate", "communication")

    def sites(self):
        """Ours, and two that take rungs away that HAPI would bear."""
        path = os.path.join(self.folder, "sites.yaml")
        with open(os.path.join(ROOT, "plugin", "delivery", "sites.yaml"), encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "  single:\n    highest: S\n  plain:\n    highest: L\n")
        return path

    def to_hapi(self, site):
        return ("run", "--to", self.hapi.base, "--sites", self.sites(), "--site", site)

    def responses(self, name, count):
        """Invented patients, who are in the record, and the same answers."""
        self.hapi.put([{"resourceType": "Patient", "id": f"{name}-{number}"} for number in range(count)])
        files = []
        for number in range(count):
            files.append(os.path.join(self.folder, f"{name}-{number}.json"))
            with open(files[-1], "w", encoding="utf-8") as file:
                json.dump({**response_of(f"{name}-{number}", patient=f"{name}-{number}"), "authored": "2026-11-22T08:15:00Z"}, file)
        return files

    def as_files(self, files):
        """What is to be there: name -> resource, and urn -> name."""
        out = os.path.join(self.folder, "expected")
        self.add("expected.sqlite", files)
        self.deliver("expected.sqlite", "run", "--folder", out, "--site", "file")
        resources, names = {}, {}
        for path in glob.glob(os.path.join(out, "*.bundle.json")):
            with open(path, encoding="utf-8") as file:
                for entry in json.load(file)["entry"]:
                    names[entry["fullUrl"]] = name_of(entry["resource"])
                    resources[names[entry["fullUrl"]]] = entry["resource"]
        self.assertGreater(len(resources), 10 * len(files))
        return resources, names

    def check(self, files):
        """Each resource is there once, as the first version, says what it has to, and leads to what is there."""
        expected, urns = self.as_files(files)
        held, names = {}, {}
        for resource in (r for kind in TYPES for r in self.hapi.everything(kind)):
            if "meta" in resource and (resource.get("identifier") or resource["meta"].get("tag")):
                held.setdefault(name_of(resource), []).append(resource)
                names[f"{resource['resourceType']}/{resource['id']}"] = name_of(resource)
        self.assertEqual({name: len(ones) for name, ones in held.items() if len(ones) != 1}, {})
        self.assertEqual(set(expected) - set(held), set())
        for name, resource in expected.items():
            there, = held[name]
            self.assertEqual(said(there, names), said(resource, urns))
            self.assertEqual(there["meta"]["versionId"], "1")
        targets = {reference["reference"] for name in expected for reference in references_in(held[name][0])} - set(names)
        self.assertNotIn("urn:", "".join(targets))
        for target in targets:
            self.assertEqual(self.hapi.ask("GET", target)[0], 200, target)

    def everything(self):
        """Everything that may change, with its version."""
        return {(kind, r["id"]): r["meta"]["versionId"] for kind in (*TYPES, *DEFINITIONS) for r in self.hapi.everything(kind)}


class InMemory(Case):
    def test_what_is_published_twice_is_there_once(self):
        out = self.run_program("publish", "--to", self.hapi.base)
        count, = map(int, re.findall(r"(?m)^(\d+) created$", out))
        self.assertGreater(count, 100)
        before = self.everything()
        self.assertIn(f"\n{count} unchanged\n", "\n" + self.run_program("publish", "--to", self.hapi.base))
        self.assertEqual(self.everything(), before)
        for kind in DEFINITIONS:
            canonicals = [(r["url"], r["version"]) for r in self.hapi.everything(kind)]
            self.assertEqual(len(canonicals), len(set(canonicals)))
            self.assertGreater(len(canonicals), 0, kind)

    def test_intakes_are_delivered_once_on_every_rung(self):
        self.hapi.put(record_of(INTAKES))
        files = [sample(intake) for intake in INTAKES]
        shares = {"hapi": files[:2], "generic": files[2:4], "single": files[4:5], "plain": files[5:]}
        for site, share in shares.items():
            self.add(site, share)
            self.deliver(site, *self.to_hapi(site))
            self.assertIn(f"0 waiting, 0 parked, {len(share)} delivered", self.deliver(site))
        self.check(files)
        before = self.everything()
        for site in shares:
            self.deliver(site, *self.to_hapi(site))
        for site in ("hapi", "plain"):  # as from another machine, or after the store was lost
            self.add("again-" + site, files)
            self.deliver("again-" + site, *self.to_hapi(site))
            self.assertIn(f"0 waiting, 0 parked, {len(files)} delivered", self.deliver("again-" + site))
        self.assertEqual(self.everything(), before)

    def test_killed_at_any_moment_each_resource_is_there_once(self):
        random.seed(7)
        for site in ("hapi", "single"):
            files = self.responses("killed-" + site, 8)
            self.add(site, files[:1])
            begin = time.monotonic()
            self.deliver(site, *self.to_hapi(site))
            usual = time.monotonic() - begin
            self.add(site, files[1:])
            kills = self.kill(site, 10, usual)
            self.deliver(site, *self.to_hapi(site))
            self.assertIn(f"0 waiting, 0 parked, {len(files)} delivered", self.deliver(site))
            self.assertGreaterEqual(kills, 8, "it was killed in the middle")
            self.check(files)

    def kill(self, site, rounds, usual):
        """The whole group, within the time that one delivery takes. Returns how often something was under way."""
        kills = 0
        for _ in range(rounds):
            child = subprocess.Popen([PROGRAM, "deliver", "--store", os.path.join(self.folder, site), *self.to_hapi(site), "--quiet"],
                                     stderr=subprocess.DEVNULL, start_new_session=True)
            time.sleep(random.uniform(0, usual))
            kills += child.poll() is None
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return kills

    def test_a_response_that_comes_into_the_record_is_judged_once_and_its_results_come_there(self):
        with open(sample("critical-calcium/bundle.json"), encoding="utf-8") as file:
            record = [entry["resource"] for entry in json.loads(file.read().replace("Patient/ines", "Patient/found"))["entry"]]
        dated = [{**r, "id": "found-" + r["id"], **({"effectiveDateTime": moment(days=1)} if "effectiveDateTime" in r else {})}
                 for r in record if r["resourceType"] in ("Observation", "Condition")]
        self.hapi.put([{"resourceType": "Patient", "id": "found", "gender": "female", "birthDate": "1970-01-02"}, *dated])
        config = os.path.join(self.folder, "myoflag.yaml")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"delivery": {"store": "outbox.sqlite", "to": self.hapi.base, "site": "hapi", "poll": 1}}, file)
        sidecar = Sidecar("--config", config, mode=("--demo", "--deliver"))
        self.addCleanup(sidecar.stop)
        self.wait(lambda: self.metric(sidecar, "myoflag_poll_age_seconds") >= 0)
        response = {**next(r for r in record if r["resourceType"] == "QuestionnaireResponse"), "authored": moment(minutes=5)}
        place = "QuestionnaireResponse/" + self.hapi.write("POST", "QuestionnaireResponse", response)["id"]
        documents = "DocumentReference?subject=Patient/found"
        self.wait(lambda: self.hapi.ask("GET", documents)[1]["total"] == 1)
        self.wait(lambda: self.metric(sidecar, 'myoflag_outbox_items{state="waiting"}') == 0)
        self.assertEqual(self.metric(sidecar, 'myoflag_outbox_items{state="parked"}'), 0)
        judged = self.metric(sidecar, 'myoflag_found{state="judged"}')
        linked = [r for kind in TYPES for r in self.hapi.everything(kind) if place in json.dumps(r)]
        self.assertIn("Provenance", {r["resourceType"] for r in linked})
        self.assertIn(f"Observation/{dated[0]['id']}", {ref["reference"] for r in linked for ref in references_in(r)})
        time.sleep(3)
        self.assertEqual(self.metric(sidecar, 'myoflag_found{state="judged"}'), judged)
        self.assertEqual(self.hapi.ask("GET", documents)[1]["total"], 1)

    @staticmethod
    def metric(sidecar, name):
        text = sidecar.ask("GET", "/metrics")[2].decode()
        return int(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[-1])

    def wait(self, holds):
        end = time.monotonic() + 100
        while not holds():
            self.assertLess(time.monotonic(), end, "it did not come to that")
            time.sleep(0.2)

    def test_what_it_exports_is_judged(self):
        self.hapi.put([{"resourceType": "Patient", "id": "exported"}])
        self.hapi.put([{**response_of("exported-response", patient="exported")}])
        out = os.path.join(self.folder, "out")
        self.run_program("batch", "--from-ehr", self.hapi.base, "-o", out, "--now", moment(), "--quiet")
        with open(os.path.join(out, "manifest.json"), encoding="utf-8") as file:
            summary = json.load(file)["summary"]
        there = self.hapi.count("QuestionnaireResponse")
        self.assertEqual((summary["records"], summary["assessed"], summary["rejected"]), (there, there, 0), summary)

    def test_what_did_not_come_with_a_call_is_fetched_there(self):
        call = sample_call()
        bundles = [value for value in call["prefetch"].values() if value and value["resourceType"] == "Bundle"]
        category = {"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}
        call["prefetch"]["conditions"]["entry"][0]["resource"]["category"] = [{"coding": [category]}]  # it is asked for
        self.hapi.put([call["prefetch"]["patient"], *(entry["resource"] for bundle in bundles for entry in bundle["entry"])])
        client = Client(self.folder)
        clients = [{"issuer": "https://ehr.example", "key-set": "keys.json", "fhir-server": self.hapi.base}]
        config = client.configure(trust={"clients": clients}, fetch={"deadline": 1500})
        sidecar = Sidecar(mode=("--config", config))
        self.addCleanup(sidecar.stop)
        call["fhirServer"] = self.hapi.base
        call["fhirAuthorization"] = {"access_token": "of-the-test", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs",
                                     "subject": "cds-service"}
        given = {**call, "prefetch": {**call["prefetch"], "meds": {"resourceType": "Bundle", "type": "searchset"}}}
        expected = self.card(sidecar, client, given)
        self.assertEqual(self.metric(sidecar, 'myoflag_fetches{result="fetched"}'), 0)
        for _ in range(20):  # its first answers take longer than a card may
            fetched = self.card(sidecar, client, {**call, "prefetch": {}})
            if fetched == expected:
                break
        self.assertEqual(fetched, expected)

    def card(self, sidecar, client, call):
        status, _, body = sidecar.ask("POST", SERVICE, json.dumps(call), {"Content-Type": "application/json",
                                                                        "Authorization": "Bearer " + client.token()})
        self.assertIn(status, (200, 412), body)
        return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "now", json.dumps(json.loads(body).get("cards")))


class OnDisk(Case):
    """A server that stops in the middle."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.server = ("--database", os.path.join(folder, "h2"))
        super().setUpClass()

    def test_a_server_that_stops_or_dies_in_the_middle_gets_everything_once(self):
        files = self.responses("stopped", 8)
        self.add("store", files)
        child = subprocess.Popen([PROGRAM, "deliver", "--store", os.path.join(self.folder, "store"), *self.to_hapi("single"), "--quiet"],
                                 stderr=subprocess.PIPE)
        for how, wanted in ((signal.SIGTERM, 40), (signal.SIGKILL, 200)):
            while self.hapi.count("Observation") < wanted:
                self.assertIsNone(child.poll(), child.stderr.read() if child.poll() is not None else "")
                time.sleep(0.05)
            self.hapi.stop(how)
            time.sleep(1)
            self.assertIsNone(child.poll(), "it goes on")
            self.hapi.start()
        _, err = child.communicate(timeout=200)
        self.assertEqual(child.returncode, 0, err.decode() + self.deliver("store") + self.hapi.log())
        self.assertIn(f"0 waiting, 0 parked, {len(files)} delivered", self.deliver("store"))
        self.check(files)


class Validating(Case):
    """A server that refuses what its own validator finds wrong."""
    server = ("--validate",)

    def test_nothing_of_ours_is_refused(self):
        status, outcome = self.hapi.ask("POST", "Patient", {"resourceType": "Patient", "gender": "none-such"})
        self.assertIn(status, (400, 412, 422), "it does validate")
        self.assertIn("none-such", json.dumps(outcome))
        self.run_program("publish", "--to", self.hapi.base)
        self.hapi.put(record_of(INTAKES))
        files = [sample(intake) for intake in INTAKES]
        self.add("store", files)
        self.deliver("store", *self.to_hapi("hapi"))
        self.assertIn(f"0 waiting, 0 parked, {len(files)} delivered", self.deliver("store"))
        self.check(files)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
