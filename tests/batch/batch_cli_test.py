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

    def test_samples_of_every_kind(self):
        code, out, _ = run(os.path.join(ROOT, "samples"), "-o", self.path("out"), "--write", "table", "--now", NOW)
        self.assertEqual(code, 1, "one sample is broken on purpose")
        table = files(self.path("out"))["table.csv"].decode().splitlines()
        self.assertGreater(len(table), 12)
        self.assertIn("emergency", "".join(table))


class Broken(Case):
    def test_killed_at_any_moment_the_output_is_the_same(self):
        lines = self.put("in.ndjson.gz", gzip.compress(responses(60 if SANITIZED else 400)))
        arguments = [lines, "--now", NOW, "--threads", "2"]
        self.assertEqual(run(*arguments, "-o", self.path("whole"))[0], 0)
        rng = random.Random(3)
        begin = time.monotonic()
        self.assertEqual(run(*arguments, "-o", self.path("timing"))[0], 0)
        seconds = time.monotonic() - begin
        kills = 0
        for trial in range(4):
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
        self.assertGreater(kills, 3)

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
        self.assertEqual((one["file"], one["response"], one["move"], one["went"], one["came"]),
                         (self.SAMPLE, "old-answers", "lowered", ["em-cardiac-symptoms"], []))
        self.assertIn({"code": "emergency-assessment", "old": "proposed"}, one["workups"])
        code, text, _ = self.diff("embedded", weaker, "--on", self.SAMPLE, "--now", NOW)
        self.assertIn("old-answers/response.json (response old-answers): less urgent\n    emergency, 0 h -> routine", text)
        self.assertEqual(self.compared(weaker, "embedded", "--on", self.SAMPLE)[1]["moves"]["raised"], 1)

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


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
