#!/usr/bin/env python3
"""The batch from outside: files and streams, kill -9 at any moment, broken input, full disks."""
import gzip
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.environ["MYOFLAG"]
ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
NOW = "2026-11-22T09:00:00Z"
RANDOM = os.path.join(ROOT, "tests", "interop", "random_responses.py")
SANITIZED = "asan" in PROGRAM or "tsan" in PROGRAM


def run(*arguments, given=b"", limits=None):
    # --quiet: how many lines of progress there are depends on the clock.
    done = subprocess.run([PROGRAM, "batch", "--quiet", *arguments], input=given, capture_output=True, preexec_fn=limits, timeout=500)
    return done.returncode, done.stdout, done.stderr.decode()


def responses(count, seed=1):
    form = subprocess.run([PROGRAM, "questionnaire"], capture_output=True, check=True).stdout
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(form)
        file.flush()
        return subprocess.run([sys.executable, RANDOM, file.name, str(count), str(seed)], capture_output=True, check=True).stdout


def files(folder):
    out = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            out[name] = file.read()
    return out


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def outcomes(self, out):
        return [json.loads(line) for line in files(self.path(out))["errors.ndjson"].splitlines()]


class Output(Case):
    def test_the_manifest_tells_what_is_there(self):
        lines = self.put("in.ndjson", responses(20))
        code, out, err = run(lines, "-o", self.path("out"), "--now", NOW)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("20 records: 20 assessed", out.decode())
        there = files(self.path("out"))
        manifest = json.loads(there["manifest.json"])
        named = {entry["url"]: entry for entry in manifest["output"] + manifest["error"]}
        self.assertEqual(set(named) | {"manifest.json", "report.html"}, set(there))
        for name, entry in named.items():
            self.assertEqual(entry["bytes"], len(there[name]))
            self.assertEqual(entry["count"], there[name].count(b"\n"))
            digest = subprocess.run(["sha256sum", os.path.join(self.path("out"), name)], capture_output=True, check=True)
            self.assertEqual(entry["sha256"], digest.stdout.split()[0].decode())

    def test_a_bundle_has_the_resources_that_evaluate_writes(self):
        line = responses(1).splitlines()[0]
        code, out, _ = run("-", "-o", "-", "--write", "bundles", "--now", NOW, given=line)
        self.assertEqual(code, 0)
        single = subprocess.run([PROGRAM, "evaluate", "--format", "bundle", "--now", NOW], input=line, capture_output=True, check=True)
        kinds = [[e["resource"]["resourceType"] for e in json.loads(bundle)["entry"]] for bundle in (out, single.stdout)]
        self.assertEqual(kinds[0][:2], kinds[1][:2])
        self.assertEqual(sorted(set(kinds[0])), sorted(set(kinds[1])))

    def test_what_is_written_of_nobody_is_warned_of(self):
        response = json.loads(responses(1).splitlines()[0])
        del response["subject"]
        lines = self.put("in.ndjson", json.dumps(response).encode())
        for form in ("resources", "bundles", "assessments"):
            with self.subTest(form=form):
                code, _, err = run(lines, "-o", self.path(form), "--write", form, "--now", NOW)
                self.assertEqual((code, err), (0, ""))
                warnings = files(self.path(form)).get("warnings.ndjson", b"").decode()
                self.assertEqual("MF-3027" in warnings, form != "assessments")

    def test_samples_of_every_kind(self):
        code, out, _ = run(os.path.join(ROOT, "samples"), "-o", self.path("out"), "--write", "table", "--now", NOW)
        self.assertEqual(code, 1, "one sample is broken on purpose")
        table = files(self.path("out"))["table.csv"].decode().splitlines()
        self.assertGreater(len(table), 12)
        self.assertIn("emergency", "".join(table))


class Broken(Case):
    def test_killed_at_any_moment_the_output_is_the_same(self):
        lines = self.put("in.ndjson.gz", gzip.compress(responses(24 if SANITIZED else 400)))
        arguments = [lines, "--now", NOW, "--threads", "2"]
        self.assertEqual(run(*arguments, "-o", self.path("whole"))[0], 0)
        rng = random.Random(3)
        begin = time.monotonic()
        self.assertEqual(run(*arguments, "-o", self.path("timing"))[0], 0)
        seconds = time.monotonic() - begin
        kills, trials, enough = 0, 2 if SANITIZED else 4, 2 if SANITIZED else 4
        for trial in range(40):
            if trial >= trials and kills >= enough:
                break
            out = self.path(f"broken{trial}")
            resume = []
            for _ in range(200):
                process = subprocess.Popen([PROGRAM, "batch", *arguments, "-o", out, "--quiet", "--checkpoint-bytes", "100000", *resume],
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    code = process.wait(timeout=seconds * rng.uniform(0.05, 0.9))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    kills += 1
                    if os.path.exists(os.path.join(out, "manifest.json")) and not os.path.exists(os.path.join(out, "state.sqlite")):
                        code = 0
                        break
                    resume = ["--resume"] if os.path.exists(os.path.join(out, "state.sqlite")) else []
                    continue
                self.assertEqual(code, 0)
                break
            self.assertEqual(files(out), files(self.path("whole")))
        self.assertGreaterEqual(kills, enough)

    def test_control_c_stops_in_good_order(self):
        lines = self.put("in.ndjson", responses(60 if SANITIZED else 400) * 3)
        process = subprocess.Popen([PROGRAM, "batch", lines, "-o", self.path("out"), "--now", NOW], stderr=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL)
        while not os.path.exists(os.path.join(self.path("out"), "Device.ndjson.part")):
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 3)
        self.assertIn("--resume", err.decode())
        self.assertNotIn("manifest.json", os.listdir(self.path("out")))
        code, _, _ = run(lines, "-o", self.path("out"), "--resume")
        self.assertEqual(code, 0)
        self.assertEqual(run(lines, "-o", self.path("whole"), "--now", NOW)[0], 0)
        self.assertEqual(files(self.path("out")), files(self.path("whole")))

    def test_a_full_disk_ends_it_with_the_place_and_nothing_taken_for_whole(self):
        lines = self.put("in.ndjson", responses(60))
        limit = lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)))
        code, _, err = run(lines, "-o", self.path("out"), "--now", NOW, limits=limit)
        self.assertEqual(code, 3, err)
        self.assertRegex(err, "MF-410[67]")
        self.assertNotIn("manifest.json", os.listdir(self.path("out")))
        self.assertEqual(run(lines, "-o", self.path("out"), "--resume")[0], 0)
        self.assertEqual(run(lines, "-o", self.path("whole"), "--now", NOW)[0], 0)
        self.assertEqual(files(self.path("out")), files(self.path("whole")))

    def test_a_full_stream(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "batch", "-", "-o", "-", "--write", "bundles"], input=responses(3), stdout=full,
                                  stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 3)
        self.assertIn("MF-4106", done.stderr.decode())

    def test_an_idle_input_keeps_neither_a_failure_nor_control_c(self):
        line = responses(1).strip() + b"\n"
        with open("/dev/full", "wb") as full:
            writes = subprocess.Popen([PROGRAM, "batch", "-", "-o", "-", "--quiet"], stdin=subprocess.PIPE, stdout=full, stderr=subprocess.PIPE)
            writes.stdin.write(line * 64)
            writes.stdin.flush()
            stops = subprocess.Popen([PROGRAM, "batch", "-", "-o", self.path("out"), "--quiet"], stdin=subprocess.PIPE,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            stops.stdin.write(line)
            stops.stdin.flush()
            while not os.path.exists(os.path.join(self.path("out"), "Device.ndjson.part")):
                self.assertIsNone(stops.poll())
                time.sleep(0.01)
            stops.send_signal(signal.SIGINT)
            self.assertEqual(stops.wait(timeout=60), 3)
            writes.send_signal(signal.SIGINT)
            self.assertEqual(writes.wait(timeout=60), 3)
            for process in (writes, stops):
                process.stdin.close()
                process.stderr.close()

    def test_a_folder_that_cannot_be_written(self):
        lines = self.put("in.ndjson", b"{}\n")
        code, _, err = run(lines, "-o", "/proc/nowhere")
        self.assertEqual(code, 2)
        self.assertIn("MF-4108", err)


class Input(Case):
    def test_bad_lines_never_stop_it(self):
        good = responses(2).splitlines()
        bad = [b"", b"{", b"[]", b"null", b"\0\0", b"{\"resourceType\":\"Patient\"}", b"\xff\xfe", b"[" * 10_000,
               b"{\"a\":1,\"a\":2}", good[0].replace(b"/Questionnaire/", b"/Other/"), b"x" * 9_000_000]
        lines = self.put("in.ndjson", b"\r\n".join([good[0], *bad, good[1]]))
        code, out, err = run(lines, "-o", self.path("out"), "--now", NOW)
        self.assertEqual(code, 1, err)
        self.assertIn(f"{len(bad) + 1} records: 2 assessed", out.decode())
        outcomes = self.outcomes("out")
        self.assertEqual(len(outcomes), len(bad) - 1)
        offset = len(good[0]) + 4
        for number, (outcome, line) in enumerate(zip(outcomes, bad[1:]), 3):
            place = {part["url"]: list(part.values())[1] for part in outcome["extension"][0]["extension"]}
            self.assertEqual(place, {"file": lines, "line": number, "offset": offset})
            offset += len(line) + 2

    def test_nothing_of_the_patient_is_in_an_error(self):
        canary = b"Canary7731"
        good = responses(1).splitlines()[0]
        for line in (good.replace(b"completed", canary), good.replace(b"\"linkId\"", b"\"" + canary + b"\"", 1),
                     good.replace(b"{", b"{" + b"\"" + canary + b"\":", 1)):
            out = self.path("out")
            code, text, err = run(self.put("in.ndjson", line), "-o", out)
            self.assertEqual(code, 1)
            there = files(out)
            for name in ("errors.ndjson", "warnings.ndjson", "manifest.json", "report.html"):
                self.assertNotIn(canary, there[name], name)
            self.assertNotIn(canary.decode(), text.decode() + err)
            shutil.rmtree(out)

    def test_an_input_that_is_not_there(self):
        code, _, err = run(self.path("absent"), "-o", self.path("out"))
        self.assertEqual(code, 2)
        self.assertIn("MF-4100", err)
        self.assertFalse(os.path.exists(self.path("out")))

    @unittest.skipIf(SANITIZED, "the address sanitizer keeps freed memory back")
    def test_memory_does_not_grow_with_the_input(self):
        sizes = []
        for count in (1, 8):
            lines = self.put("in.ndjson", responses(100) + b"x\n" * 20_000 * count)
            process = subprocess.Popen([PROGRAM, "batch", lines, "-o", self.path(f"out{count}"), "--write", "table", "--threads", "2"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 1)
            sizes.append(usage.ru_maxrss)
        self.assertLess(sizes[1], sizes[0] * 1.3 + 8000)


class Streams(Case):
    def test_one_stream_holds_results_and_refusals_in_the_order_of_the_input(self):
        good = responses(2).splitlines()
        code, out, err = run("-", "-o", "-", "--write", "assessments", "--now", NOW, given=b"\n".join([good[0], b"{", good[1]]))
        self.assertEqual(code, 1, err)
        kinds = [json.loads(line).get("resourceType", "assessment") for line in out.splitlines()]
        self.assertEqual([k for k in kinds if k != "OperationOutcome"], ["assessment", "assessment"])
        self.assertIn("3 records", err)

    def test_the_same_twice_is_the_same(self):
        lines = responses(30)
        first = run("-", "-o", "-", "--write", "bundles", "--now", NOW, "--threads", "1", given=lines)
        self.assertEqual(first, run("-", "-o", "-", "--write", "bundles", "--now", NOW, "--threads", "3", given=lines))


class KnowledgeDiff(Case):
    FOLDER = os.path.join(ROOT, "rules", "knowledge", "twitching")

    def altered(self, name, *changes):
        """A copy of the knowledge with texts replaced: (file, before, after)."""
        shutil.copytree(self.FOLDER, self.path(name))
        for file, before, after in changes:
            path = os.path.join(self.path(name), file)
            with open(path, encoding="utf-8") as f:
                text = f.read()
            self.assertIn(before, text)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace(before, after, 1))
        return self.path(name)

    def diff(self, *arguments, given=b""):
        done = subprocess.run([PROGRAM, "knowledge", "diff", *arguments], input=given, capture_output=True, timeout=300)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def compared(self, *arguments, given=b""):
        code, out, err = self.diff(*arguments, "--format", "json", "--now", NOW, given=given)
        self.assertEqual(err, "")
        return code, json.loads(out)

    SAMPLE = os.path.join(ROOT, "samples", "old-answers", "response.json")
    WEAKER = ("rules/emergency.yaml", "any(em-now: chest-pain-heartbeat)", "any(em-now: seizure)")

    def test_the_same_knowledge_differs_in_nothing(self):
        code, out, _ = self.diff("embedded", self.FOLDER)
        self.assertEqual(code, 0)
        self.assertIn("The two versions are the same.", out)
        code, report = self.compared("embedded", self.FOLDER, "--on", "-", "--fail-on", "moved", given=responses(10))
        self.assertEqual((code, report["knowledge"], report["changed"], report["moves"]["none"]), (0, [], [], 10))

    def test_a_rule_that_was_weakened_is_told_with_whom_it_moves(self):
        weaker = self.altered("weaker", self.WEAKER)
        code, report = self.compared("embedded", weaker, "--on", self.SAMPLE)
        self.assertEqual(code, 0)
        self.assertEqual(report["knowledge"],
                         [{"change": "changed", "section": "rule", "id": "em-cardiac-symptoms", "fields": ["criteria"]}])
        self.assertEqual(report["moves"]["lowered"], 1)
        self.assertEqual(report["tiers"], [{"old": "emergency", "new": "routine", "count": 1}])
        [one] = report["changed"]
        self.assertEqual((one["file"], one["response"], one["move"], one["went"]["fired"]),
                         (self.SAMPLE, "old-answers", "lowered", ["em-cardiac-symptoms"]))
        self.assertNotIn("fired", one["came"])
        self.assertIn("check-now", one["went"]["notices"])
        self.assertIn({"code": "emergency-assessment", "old": "proposed"}, one["workups"])
        code, text, _ = self.diff("embedded", weaker, "--on", self.SAMPLE, "--now", NOW)
        self.assertIn("old-answers/response.json (response old-answers): less urgent\n    emergency, 0 h -> routine", text)
        self.assertEqual(self.compared(weaker, "embedded", "--on", self.SAMPLE)[1]["moves"]["raised"], 1)

    def test_what_no_tier_shows_is_told_too(self):
        """A rule that is no longer open, a hypothesis that is no longer named."""
        open_before = os.path.join(ROOT, "samples", "left-open", "response.json")
        narrower = self.altered("narrower", ("rules/emergency.yaml", "(med(lithium)\n", "(med(lithium) and any(em-now: seizure)\n"))
        _, report = self.compared("embedded", narrower, "--on", open_before, "--all")
        [one] = report["changed"]
        self.assertEqual((one["move"], one["went"], one["came"]), ("within", {"notExcluded": ["em-lithium-toxicity"]}, {}))
        code, text, _ = self.diff(narrower, "embedded", "--on", open_before, "--all", "--now", NOW)
        self.assertIn("    open now: em-lithium-toxicity\n", text)
        silent = self.altered("silent", ("rules/emergency.yaml", "hypotheses: [lithium-toxicity]", "hypotheses: []"))
        _, report = self.compared("embedded", silent, "--on", os.path.join(ROOT, "samples", "lithium-conflict", "bundle.json"), "--all")
        self.assertEqual(report["changed"][0]["went"], {"hypotheses": ["lithium-toxicity"]})

    def test_the_gate_fails_on_what_it_is_told_to_fail_on(self):
        weaker = self.altered("weaker", self.WEAKER)
        for old, new, fail_on, expected in (("embedded", weaker, "never", 0), ("embedded", weaker, "lowered", 1),
                                            ("embedded", weaker, "moved", 1), (weaker, "embedded", "lowered", 0),
                                            (weaker, "embedded", "moved", 1)):
            self.assertEqual(self.diff(old, new, "--on", self.SAMPLE, "--now", NOW, "--fail-on", fail_on)[0], expected, fail_on)

    def test_a_new_version_reads_the_responses_to_the_old_one(self):
        newer = self.altered("newer", ("knowledge.yaml", "version: 0.1.0", "version: 0.2.0"))
        with open(os.path.join(ROOT, "samples", "critical-calcium", "bundle.json"), "rb") as file:
            bundle = json.dumps(json.load(file)).encode()
        for old, new in (("embedded", newer), (newer, "embedded")):
            code, report = self.compared(old, new, "--on", "-", given=responses(5) + bundle)
            self.assertEqual((code, report["moves"]["none"], report["changed"]), (0, 6, []))

    def test_a_response_that_one_of_them_refuses_is_told(self):
        lines = responses(6)
        other = self.altered("other")
        for folder, _, names in os.walk(other):
            subprocess.run(["sed", "-i", "s/chest-pain-heartbeat/heart-complaint/g", *(os.path.join(folder, name) for name in names)], check=True)
        code, report = self.compared("embedded", other, "--on", self.SAMPLE, "-", given=lines + b"{\n")
        self.assertEqual(code, 1)
        self.assertGreaterEqual(report["moves"]["refused-by-new"], 1)
        self.assertEqual(report["moves"]["refused-by-both"], 1)
        listed = [one["move"] for one in report["changed"]]
        self.assertEqual(listed.count("refused-by-new"), report["moves"]["refused-by-new"])
        self.assertEqual(listed[-1], "refused-by-both")
        self.assertEqual(sum(report["moves"].values()), 8)
        self.assertIn("MF-1444", report["changed"][0]["new"]["refused"])

    def test_nothing_to_compare_is_no_pass(self):
        code, _, err = self.diff("embedded", self.FOLDER, "--on", "-")
        self.assertEqual(code, 2)
        self.assertIn("MF-4112", err)
        self.assertEqual(self.diff("embedded", self.path("absent"))[0], 2)
        self.assertEqual(self.diff("embedded", self.FOLDER, "--on", self.path("absent"))[0], 2)


class BulkExport(Case):
    """An export folder, joined by patient, against `evaluate` of the Bundle that each response makes."""

    def setUp(self):
        super().setUp()
        with open(os.path.join(ROOT, "samples", "critical-calcium", "bundle.json"), "rb") as file:
            entries = json.load(file)["entry"]
        self.sample = [entry["resource"] for entry in entries]
        self.response = next(one for one in self.sample if one["resourceType"] == "QuestionnaireResponse")
        self.record = [one for one in self.sample if one["resourceType"] != "QuestionnaireResponse"]
        self.patient = self.response["subject"]["reference"]

    def of(self, resource, number):
        """The same resource of patient `number`, with an id of its own."""
        text = json.dumps(resource).replace(self.patient + '"', f"Patient/p{number}" + '"')
        out = json.loads(text)
        out["id"] = f"p{number}" if out["resourceType"] == "Patient" else f"{out['id']}-{number}"
        return out

    def export(self, resources, folder="export", broken={}):
        """NDJSON by type, some split and some compressed; `broken`: lines put behind those of a type."""
        by_type = {}
        for resource in resources:
            by_type.setdefault(resource["resourceType"], []).append(json.dumps(resource).encode())
        for name, lines in broken.items():
            by_type.setdefault(name, []).extend(lines)
        os.makedirs(self.path(folder))
        for number, (name, lines) in enumerate(sorted(by_type.items())):
            half = len(lines) // 2
            with open(self.path(f"{folder}/{name}.000.ndjson"), "wb") as file:
                file.write(b"".join(line + b"\n" for line in lines[:half]))
            with (gzip.open if number % 2 else open)(self.path(f"{folder}/{name}.001.ndjson" + (".gz" if number % 2 else "")), "wb") as file:
                file.write(b"".join(line + b"\n" for line in lines[half:]))
        return self.path(folder)

    def bundle(self, resources):
        return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}).encode()

    def judged(self, *inputs, out="out", write="assessments", extra=()):
        code, text, err = run(*inputs, "-o", self.path(out), "--write", write, "--now", NOW, *extra)
        self.assertEqual(err, "")
        return code, text.decode(), [json.loads(line) for line in files(self.path(out))[f"{write}.ndjson"].splitlines()]

    def alone(self, *bundles):
        code, out, err = run("-", "-o", "-", "--write", "assessments", "--now", NOW, given=b"\n".join(bundles))
        self.assertEqual(code, 0, out)
        return [json.loads(line) for line in out.splitlines()]

    def calm(self, number):
        """A response that reassures where nothing speaks against it."""
        with open(os.path.join(ROOT, "samples", "eyelid-coffee", "response.json"), "rb") as file:
            response = json.load(file)
        response["subject"] = {"reference": f"Patient/p{number}"}
        response["id"] = f"calm-{number}"
        return response

    def test_each_response_is_judged_as_a_bundle_of_its_own(self):
        people = [[self.of(one, number) for one in self.record] for number in range(6)]
        responses_ = [self.of(self.response, number) for number in range(5)]
        folder = self.export([one for person in people for one in person] + responses_)
        code, text, got = self.judged(folder)
        self.assertEqual(code, 0, text)
        wanted = self.alone(*(self.bundle(sorted(people[i], key=lambda one: one["resourceType"]) + [responses_[i]]) for i in range(5)))
        self.assertEqual(got, wanted)
        self.assertEqual({one["tier"] for one in got}, {"emergency"})
        summary = json.loads(files(self.path("out"))["manifest.json"])["summary"]
        self.assertEqual(summary["exports"]["patientsWithoutResponse"], 1)
        self.assertEqual(summary["exports"]["resourcesOfPatientsWithoutResponse"], len(self.record))
        self.assertEqual(summary["exports"]["responses"], 5)
        self.assertNotIn("join.sqlite", os.listdir(self.path("out")))

    def test_earlier_responses_of_the_patient_are_compared(self):
        older = self.of(self.response, 1) | {"id": "older", "authored": "2026-10-01T08:00:00Z"}
        newer = self.calm(1)
        folder = self.export([newer, older, {"resourceType": "Patient", "id": "p1"}, self.calm(2)])
        _, _, got = self.judged(folder)
        self.assertEqual([one["response"]["id"] for one in got], ["calm-1", "older", "calm-2"])
        self.assertEqual(got[0], self.alone(self.bundle([{"resourceType": "Patient", "id": "p1"}, newer, older]))[0])
        self.assertEqual(got[2]["tier"], "self-care")

    def test_nobody_is_calm_beside_what_could_not_be_read(self):
        patients = [{"resourceType": "Patient", "id": f"p{number}"} for number in range(3)]
        calm = [self.calm(number) for number in range(3)]
        observation = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "anything"}}
        outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
        for name, line, code in (("Condition", b"{broken", "MF-10"), ("Observation", json.dumps(observation).encode(), "MF-4113"),
                                 ("OperationOutcome", json.dumps(outcome).encode(), "MF-4114"), ("Condition", b"x" * 9_000_000, "MF-4104")):
            folder = self.export(patients + calm, broken={name: [line]})
            exit_code, _, got = self.judged(folder)
            self.assertEqual(exit_code, 1)
            self.assertEqual(len(got), 3)
            self.assertNotIn("self-care", {one["tier"] for one in got}, name)
            [told] = self.outcomes("out")
            self.assertIn(code, json.dumps(told["issue"]))
            self.assertIn(f"/{name}.001.ndjson", json.dumps(told["extension"]))
            shutil.rmtree(folder)
            shutil.rmtree(self.path("out"))
        self.assertEqual({one["tier"] for one in self.judged(self.export(patients + calm))[2]}, {"self-care"})

    URGENCY = ["self-care", "routine", "soon", "urgent", "emergency"]

    def of_everything(self, resources):
        """The tier of `evaluate` for all of it in one Bundle; the least calm one when it refuses."""
        done = subprocess.run([PROGRAM, "evaluate", "-", "--format", "assessment", "--now", NOW], input=self.bundle(resources), capture_output=True, check=False)
        return json.loads(done.stdout)["tier"] if done.returncode == 0 else "refused"

    def not_calmer(self, resources, told):
        """Judges the export: never calm, never calmer than the Bundle of everything in it; `told` lines are MF-4113."""
        for name in ("export", "out"):
            shutil.rmtree(self.path(name), ignore_errors=True)
        code, text, got = self.judged(self.export(resources))
        everything = self.of_everything(resources)
        [tier] = [one["tier"] for one in got]
        least = "routine" if everything == "refused" else everything
        self.assertGreaterEqual(self.URGENCY.index(tier), max(self.URGENCY.index(least), 1), text)
        self.assertEqual([json.dumps(one["issue"]).count("MF-4113") > 0 for one in self.outcomes("out")], [True] * told)
        self.assertEqual(code, 1 if told else 0)

    ODD = [{"reference": one} for one in ("patient/p1", "Pateint/p1", "Person/p1", "RelatedPerson/p1", "https://ehr.example/fhir/p1", "p1", "#p1",
                                          "Patient?identifier=1", "Patient/p1/", "Patient/p1?x=1", "urn:uuid:p1", "Patient/p_1")] + [
        {"type": "http://hl7.org/fhir/StructureDefinition/Patient", "identifier": {"value": "1"}}, {"type": "Patient", "identifier": {"value": "1"}},
        {"reference": "Group/g", "type": "Patient"}, {"display": "Invented Person"}]

    def test_nobody_is_calm_beside_what_may_be_anybodys(self):
        calcium = next(one for one in self.record if one["id"] == "ca-1")
        patient = {"resourceType": "Patient", "id": "p1"}
        for odd in self.ODD[::4] if SANITIZED else self.ODD:
            with self.subTest(odd=odd):
                self.not_calmer([patient, self.calm(1), calcium | {"subject": odd}], told=1)
        for part in ({"subject": {"reference": "Patient/p1"}, "patient": {"reference": "Patient/p2"}},
                     {"subject": {"reference": "Patient/p1"}, "patient": {"reference": "patient/p2"}}):
            self.not_calmer([patient, self.calm(1), calcium | part], told=1)

    def test_a_response_of_nobody_knows_whom_is_not_calm(self):
        odd = self.ODD + [{"reference": "Group/g"}, {}]
        answers = [self.calm(1) | {"id": f"r{i}", "subject": one} for i, one in enumerate(odd)]
        del answers[-1]["subject"]
        _, text, got = self.judged(self.export([self.of(one, 1) for one in self.record] + answers))
        self.assertEqual({one["tier"] for one in got}, {"routine"}, text)
        self.assertEqual(len(got) + len(self.outcomes("out")), len(odd))  # some are no references at all: MF-3016

    def test_what_is_about_no_patient_is_left_out(self):
        things = ["Group", "Device", "Location", "Practitioner", "PractitionerRole", "Organization", "Substance", "HealthcareService"]
        others = [{"resourceType": "Observation", "id": f"o{i}", "status": "final", "code": {"text": "x"}, "subject": {"reference": f"{thing}/1"}}
                  for i, thing in enumerate(things)]
        others.append({"resourceType": "Condition", "id": "c", "subject": {"type": "Group", "identifier": {"value": "1"}}})
        others.append({"resourceType": "Appointment", "id": "a", "status": "booked",
                       "participant": [{"status": "accepted", "actor": {"reference": f"{thing}/1"}} for thing in ("Practitioner", "Location")]})
        code, _, got = self.judged(self.export([{"resourceType": "Patient", "id": "p1"}, self.calm(1)] + others))
        self.assertEqual((code, [one["tier"] for one in got]), (0, ["self-care"]))
        self.assertEqual(json.loads(files(self.path("out"))["manifest.json"])["summary"]["exports"]["aboutNoPatient"], len(others))

    def test_whose_an_appointment_is(self):
        patient = {"resourceType": "Patient", "id": "p1"}
        for names, code in ((("Practitioner/1", "Patient/p1", "RelatedPerson/1", None), 0), (("Practitioner/1", "patient/p1"), 1),
                            (("Practitioner/1", "RelatedPerson/1"), 1), (("Practitioner/1", None), 1), (("Patient/p1", "Patient/p2"), 1), ((), 1)):
            for name in ("export", "out"):
                shutil.rmtree(self.path(name), ignore_errors=True)
            actors = [{"status": "accepted", "actor": {"reference": name} if name else {"display": "Somebody"}} for name in names]
            got = self.judged(self.export([patient, self.calm(1), {"resourceType": "Appointment", "id": "a", "status": "booked", "participant": actors}]))
            self.assertEqual((got[0], [one["tier"] for one in got[2]]), (code, ["routine" if code else "self-care"]), got[1])

    def test_a_task_of_nobody_counts_where_it_says_something(self):
        patient = {"resourceType": "Patient", "id": "p1"}
        for more, code in (({}, 0), ({"description": "Call: choking"}, 1)):
            for name in ("export", "out"):
                shutil.rmtree(self.path(name), ignore_errors=True)
            task = {"resourceType": "Task", "id": "t", "status": "requested", "intent": "order"} | more
            got = self.judged(self.export([patient, self.calm(1), task]))
            self.assertEqual((got[0], [one["tier"] for one in got[2]]), (code, ["routine" if code else "self-care"]), got[1])

    def test_what_is_wrapped_is_told(self):
        patient = {"resourceType": "Patient", "id": "p1"}
        calcium = self.of(next(one for one in self.record if one["id"] == "ca-1"), 1)
        for wrapped in (json.loads(self.bundle([calcium])), {"resourceType": "Parameters", "parameter": [{"name": "x", "resource": calcium}]},
                        calcium | {"resourceType": "Obsevation"}, {"resourceType": "Provenance", "id": "l", "contained": [calcium]},
                        {"resourceType": "Provenance", "id": "l", "contained": [self.calm(1)]}):
            folder = self.export([patient, self.calm(1), wrapped])
            code, _, got = self.judged(folder)
            self.assertEqual((code, [one["tier"] for one in got]), (1, ["routine"]))
            self.assertIn("MF-4113", json.dumps(self.outcomes("out")))
            shutil.rmtree(folder)
            shutil.rmtree(self.path("out"))
        _, _, got = self.judged(self.export([self.calm(2), json.loads(self.bundle([patient, self.calm(1), calcium]))]))
        self.assertEqual(sorted(one["tier"] for one in got), ["emergency", "self-care"])

    def test_a_manifest_that_names_more_than_there_is(self):
        folder = self.export([{"resourceType": "Patient", "id": "p1"}, self.calm(1)])
        for files_, expected in ((["Patient.000.ndjson", "QuestionnaireResponse.001.ndjson"], "self-care"), (["Condition.ndjson"], "routine")):
            with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
                json.dump({"transactionTime": NOW, "output": [{"type": "x", "url": "https://ehr.example/x/" + name} for name in files_]}, file)
            code, _, got = self.judged(folder, out=expected)
            self.assertEqual((code, got[0]["tier"]), (0 if expected == "self-care" else 1, expected))
        self.assertIn("MF-4114", json.dumps(self.outcomes("routine")))
        with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
            json.dump({"transactionTime": NOW, "output": [], "error": {"type": "OperationOutcome"}}, file)
        code, _, got = self.judged(folder, out="no-list")
        self.assertEqual((code, got[0]["tier"]), (1, "routine"), "errors that are no list are not none")

    def test_medicines_are_found_by_reference(self):
        use = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order", "subject": {"reference": "Patient/p1"},
               "authoredOn": "2026-11-01", "medicationReference": {"reference": "Medication/lithium"}}
        lithium = {"resourceType": "Medication", "id": "lithium", "code": {"text": "Lithium carbonate"}}
        patient = {"resourceType": "Patient", "id": "p1"}
        _, text, got = self.judged(self.export([use, lithium, patient, self.calm(1)]))
        self.assertEqual(got, self.alone(self.bundle([use, patient, self.calm(1), lithium])))
        self.assertIn("ithium", json.dumps(got))
        _, text, _ = self.judged(self.export([use, patient, self.calm(1)], folder="without"), out="out2")
        self.assertRegex(text, r"1 +medicationsNotFound")

    def test_a_record_of_another_server_is_not_mixed_in(self):
        calcium = self.of(next(one for one in self.record if one["id"] == "ca-1"), 1)
        servers = ("", "https://a.example/fhir/", "https://b.example/fhir/")
        for responses_, records in ((one, other) for one in servers for other in servers):
            response = self.calm(1) | {"subject": {"reference": responses_ + "Patient/p1"}}
            observation = calcium | {"subject": {"reference": records + "Patient/p1"}}
            for name in ("export", "out"):
                shutil.rmtree(self.path(name), ignore_errors=True)
            _, text, got = self.judged(self.export([response, observation]))
            self.assertEqual([one["tier"] for one in got], ["emergency" if responses_ == records else "routine"], text)
        patients = [{"resourceType": "Patient", "id": "p1"}, {"resourceType": "Patient", "id": "p2"}]
        shutil.rmtree(self.path("out"))
        response = self.calm(1) | {"subject": {"reference": "https://a.example/fhir/Patient/p1"}}
        _, _, got = self.judged(self.export(patients + [response, self.calm(2)], folder="mixed"))
        self.assertEqual([one["tier"] for one in got], ["routine", "self-care"])

    def test_a_patient_who_is_also_another_is_not_calm(self):
        others = [{"resourceType": "Patient", "id": f"p{i}"} for i in range(2, 5)]
        for kind in ("replaced-by", "seealso"):
            for other, tiers, code in (("Patient/p2", ["routine", "routine", "self-care"], 0), ("RelatedPerson/r", ["routine", "self-care", "self-care"], 0),
                                       ("patient/p2", ["routine"] * 3, 1)):
                linked = {"resourceType": "Patient", "id": "p1", "link": [{"other": {"reference": other}, "type": kind}]}
                for name in ("export", "out"):
                    shutil.rmtree(self.path(name), ignore_errors=True)
                got = self.judged(self.export([linked, *others, *(self.calm(i) for i in range(1, 4))]))
                self.assertEqual((got[0], [one["tier"] for one in got[2]]), (code, tiers), got[1])

    def many(self):
        rng = random.Random(4)
        people = 12 if SANITIZED else 60
        resources = [self.of(one, number) for number in range(people) for one in self.record]
        for line in responses(people // 2).splitlines():
            response = json.loads(line)
            response["subject"] = {"reference": f"Patient/p{rng.randrange(people)}"}
            resources.append(response)
        resources += [self.of(self.response, number) for number in range(0, people, 3)]
        rng.shuffle(resources)
        return self.export(resources, broken={"Condition": [b"{"], "QuestionnaireResponse": [b"[]"]})

    def test_the_same_bytes_whatever_the_threads_and_wherever_it_was_killed(self):
        folder = self.many()
        for threads in "123":
            self.assertEqual(run(folder, "-o", self.path(threads), "--write", "table", "--now", NOW, "--threads", threads)[0], 1)
        self.assertEqual(files(self.path("1")), files(self.path("2")))
        self.assertEqual(files(self.path("1")), files(self.path("3")))
        begin = time.monotonic()
        run(folder, "-o", self.path("timing"), "--write", "table", "--now", NOW)
        seconds = time.monotonic() - begin
        rng = random.Random(1)
        kills = 0
        for trial in range(40):
            if trial >= 4 and kills > 2:
                break
            out = self.path(f"killed{trial}")
            for _ in range(100):
                resume = ["--resume"] if os.path.exists(os.path.join(out, "state.sqlite")) else []
                process = subprocess.Popen([PROGRAM, "batch", folder, "-o", out, "--write", "table", "--now", NOW, "--quiet", "--checkpoint-bytes", "3000",
                                            *resume], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    self.assertEqual(process.wait(timeout=seconds * rng.uniform(0.1, 1.1)), 1)
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    kills += 1
                    if os.path.exists(os.path.join(out, "manifest.json")) and not os.path.exists(os.path.join(out, "state.sqlite")):
                        break
                    if os.path.exists(os.path.join(out, "state.sqlite")):  # as a kill between writing and renaming leaves it
                        open(os.path.join(out, f"manifest.json.{process.pid}-2.part"), "wb").close()
            self.assertEqual(files(out), files(self.path("1")))
        self.assertGreater(kills, 2)

    def test_an_export_that_changed_does_not_go_on(self):
        folder = self.many()
        process = subprocess.Popen([PROGRAM, "batch", folder, "-o", self.path("out"), "--write", "table", "--now", NOW, "--quiet"])
        while not os.path.exists(os.path.join(self.path("out"), "join.sqlite")):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        process.kill()
        process.wait()
        with open(os.path.join(folder, "Patient.000.ndjson"), "ab") as file:
            file.write(b"\n")
        code, _, err = run(folder, "-o", self.path("out"), "--write", "table", "--resume")
        self.assertEqual(code, 2)
        self.assertIn("MF-4108", err)

    def test_the_knowledge_diff_reads_it_too(self):
        folder = self.export([self.of(one, 1) for one in self.sample])
        done = subprocess.run([PROGRAM, "knowledge", "diff", "embedded", os.path.join(ROOT, "rules", "knowledge", "twitching"), "--on", folder,
                               "--format", "json", "--now", NOW], capture_output=True, check=True)
        self.assertEqual(json.loads(done.stdout)["tiers"], [{"old": "emergency", "new": "emergency", "count": 1}])

    @unittest.skipIf(SANITIZED, "the address sanitizer keeps freed memory back")
    def test_memory_does_not_grow_with_the_export(self):
        sizes = []
        for count in (2, 60):
            folder = self.export([self.of(one, number) for number in range(3) for one in self.sample], folder=f"export{count}")
            # Line by line: what this process holds counts for the one that it starts.
            with open(os.path.join(folder, "Condition.002.ndjson"), "w", encoding="utf-8") as file:
                for i in range(1000 * count):
                    file.write(json.dumps({"resourceType": "Condition", "id": f"c{i}", "subject": {"reference": f"Patient/q{i % 5000}"},
                                           "code": {"text": "x" * 500}}) + "\n")
            process = subprocess.Popen([PROGRAM, "batch", folder, "-o", self.path(f"out{count}"), "--write", "table", "--threads", "2", "--quiet"],
                                       stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0)
            sizes.append(usage.ru_maxrss)
        self.assertLess(sizes[1], sizes[0] + 14_000)
        self.assertLess(sizes[1], 96_000)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
