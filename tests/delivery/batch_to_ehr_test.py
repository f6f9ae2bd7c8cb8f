#!/usr/bin/env python3
"""myoflag batch --store and --to-ehr: what is judged is kept for the EHR and delivered there, once, whatever ends meanwhile."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from deliver_cli_test import NOW, PROGRAM, ROOT, Ehr

RANDOM = os.path.join(ROOT, "tests", "interop", "random_responses.py")
SANITIZED = "asan" in PROGRAM or "tsan" in PROGRAM
COUNT = 3 if SANITIZED else 6


def responses(folder, count):
    form = os.path.join(folder, "form.json")
    with open(form, "wb") as file:
        file.write(subprocess.run([PROGRAM, "questionnaire"], capture_output=True, check=True).stdout)
    return subprocess.run([sys.executable, RANDOM, form, str(count), "3"], capture_output=True, check=True).stdout.splitlines()


class BatchToEhr(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.store = self.path("outbox.sqlite")
        self.ehr = Ehr(transactions=True)
        self.addCleanup(self.ehr.close)

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, lines):
        with open(self.path("in.ndjson"), "wb") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    def arguments(self, *more):
        return [PROGRAM, "batch", self.path("in.ndjson"), "-o", self.path("out"), "--quiet", "--now", NOW, *more]

    def batch(self, *more):
        done = subprocess.run(self.arguments(*more), capture_output=True, timeout=200)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def outbox(self):
        done = subprocess.run([PROGRAM, "deliver", "--store", self.store, "--all"], capture_output=True, timeout=100, check=True)
        return done.stdout.decode().splitlines()

    def test_what_is_judged_is_delivered_once(self):
        lines = responses(self.folder, COUNT)
        self.put(lines + lines[:2] + [b"{}"])
        code, out, err = self.batch("--store", self.store, "--to-ehr", self.ehr.base)
        self.assertEqual(code, 1, err)  # one record was no response
        self.assertIn(f"{COUNT} kept for the EHR, 0 that nobody can deliver", out)
        self.assertIn(f"0 waiting, 0 parked, {COUNT} delivered", self.outbox()[-1])
        self.assertEqual(self.ehr.wrong(), [])
        with open(self.path("out/manifest.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["summary"]["submitted"], COUNT)
        count = len(self.ehr.stored)
        self.assertGreater(count, 10 * COUNT)
        shutil.rmtree(self.path("out"))
        self.batch("--store", self.store, "--to-ehr", self.ehr.base)
        self.assertEqual(len(self.ehr.stored), count)
        self.assertIn(f"0 parked, {COUNT} delivered", self.outbox()[-1])

    def test_the_output_is_that_of_a_batch_without_an_outbox(self):
        self.put(responses(self.folder, COUNT))
        self.assertEqual(self.batch()[0], 0)
        shutil.move(self.path("out"), self.path("alone"))
        self.assertEqual(self.batch("--store", self.store)[0], 0)
        for name in os.listdir(self.path("alone")):
            if name in ("manifest.json", "report.html"):
                continue  # both speak of the outbox
            with open(self.path("alone/" + name), "rb") as one, open(self.path("out/" + name), "rb") as other:
                self.assertEqual(one.read(), other.read(), name)
        self.assertIn(f"{COUNT} waiting", self.outbox()[-1])

    def test_what_nobody_can_deliver_is_an_error_with_its_place(self):
        response = json.loads(responses(self.folder, 1)[0])
        for name in ("id", "subject", "identifier"):
            response.pop(name, None)
        self.put([json.dumps(response).encode()])
        code, out, err = self.batch("--store", self.store)
        self.assertEqual(code, 1, err)
        self.assertIn("0 kept for the EHR, 1 that nobody can deliver", out)
        with open(self.path("out/errors.ndjson"), encoding="utf-8") as file:
            outcome = json.loads(file.read())
        self.assertIn("MF-3106", json.dumps(outcome["issue"]))
        self.assertIn({"url": "line", "valueDecimal": 1}, outcome["extension"][0]["extension"])

    def test_killed_while_it_judges_it_goes_on_and_doubles_nothing(self):
        count = 16 if SANITIZED else 60
        self.put(responses(self.folder, count))
        child = subprocess.Popen(self.arguments("--store", self.store, "--threads", "1", "--checkpoint-bytes", "1"),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while child.poll() is None and not os.path.exists(self.path("out/state.sqlite-wal")):
            time.sleep(0.001)
        time.sleep(0.2)
        child.send_signal(signal.SIGKILL)
        child.wait()
        if child.returncode == -signal.SIGKILL:
            code, _, err = self.batch("--store", self.store, "--resume", "--to-ehr", self.ehr.base)
            self.assertEqual(code, 0, err)
        else:
            self.fail("it ended before it could be killed")
        self.assertIn(f"0 waiting, 0 parked, {count} delivered", self.outbox()[-1])

    def test_wrong_use_is_told_before_anything_is_judged(self):
        self.put(responses(self.folder, 1))
        for more in (["--to-ehr", self.ehr.base], ["--site", "hapi"], ["--store", self.store, "--to-ehr", self.ehr.base, "--site", "x"],
                     ["--store", self.store, "--to-ehr", self.ehr.base, "--site", "file"]):
            code, out, err = self.batch(*more)
            self.assertEqual((code, out), (2, ""), (more, err))
            self.assertFalse(os.path.exists(self.path("out")))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
