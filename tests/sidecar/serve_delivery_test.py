#!/usr/bin/env python3
"""The sidecar delivers: a real EHR end on this machine, processes that die, and what is told meanwhile."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.environ["MYOFLAG_SOURCE_DIR"], "tests", "delivery"))
sys.path.insert(0, os.path.join(os.environ["MYOFLAG_SOURCE_DIR"], "tests", "support"))
from deliver_cli_test import Ehr, sample  # noqa: E402
from postgres import PASSWORD, Postgres  # noqa: E402
from serve_test import NOW, PROGRAM, Case  # noqa: E402


class Delivery(Case):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.outbox = os.path.join(self.folder, "outbox.sqlite")

    def ehr(self, **how):
        ehr = Ehr(**how)
        self.addCleanup(ehr.close)
        return ehr

    def configure(self, **delivery):
        path = os.path.join(self.folder, "myoflag.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"delivery": {"store": "outbox.sqlite", **delivery}}, file)
        return path

    def serve(self, **delivery):
        return self.start(mode=("--demo", "--deliver", "--config", self.configure(**delivery)))

    def add(self, name):
        subprocess.run([PROGRAM, "deliver", "--store", self.outbox, "add", sample(name), "--now", NOW], check=True, capture_output=True,
                       timeout=60)

    @staticmethod
    def outbox_of(sidecar):
        status, _, body = sidecar.ask("GET", "/readyz")
        assert status == 200, body
        return json.loads(body)["parts"]["outbox"]

    def wait_until(self, sidecar, holds, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if holds(self.outbox_of(sidecar)):
                return
            time.sleep(0.05)
        raise AssertionError((self.outbox_of(sidecar), sidecar.log[-2000:].decode(errors="replace")))

    @staticmethod
    def children(sidecar):
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(sidecar.process.pid)], capture_output=True, check=False)
        return [int(word) for word in found.stdout.split()]

    def test_what_comes_is_delivered_and_told(self):
        ehr = self.ehr(transactions=True)
        sidecar = self.serve(to=ehr.base)
        self.assertEqual(self.outbox_of(sidecar), {"ready": True, "waiting": 0, "parked": 0, "urgent": 0, "oldestSeconds": 0,
                                                   "failures": 0})
        self.add("critical-calcium/bundle.json")
        self.wait_until(sidecar, lambda box: box["waiting"] == 0 and box["urgent"] == 1)
        count = len(ehr.stored)
        self.assertGreater(count, 10)
        time.sleep(0.6)
        self.add("eyelid-coffee/response.json")
        self.wait_until(sidecar, lambda box: len(ehr.stored) > count and box["waiting"] == 0)
        time.sleep(0.6)
        metrics = sidecar.ask("GET", "/metrics")[2].decode()
        for line in ('myoflag_outbox_items{state="waiting"} 0', 'myoflag_outbox_items{state="delivered"} 2',
                     'myoflag_outbox_items{state="parked"} 0', "myoflag_outbox_urgent 1", "myoflag_outbox_oldest_seconds 0",
                     "myoflag_delivery_failures 0"):
            self.assertIn(line + "\n", metrics)
        self.assertEqual(ehr.wrong(), [])
        self.assertEqual(sidecar.stop()[0], 0)

    def test_a_delivery_that_dies_is_started_again(self):
        ehr = self.ehr(conditional=True)
        evil = [b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"] * 2
        ehr.hook = lambda handler: evil.pop() if evil else time.sleep(0.01)
        sidecar = self.serve(to=ehr.base)
        self.add("eyelid-coffee/response.json")
        killed = 0
        end = time.monotonic() + 60
        while killed < 1 and time.monotonic() < end:
            before = ehr.requests
            for child in self.children(sidecar) if not evil and before > 8 else []:
                os.kill(child, signal.SIGKILL)
                killed += 1
            time.sleep(0.005)
        self.wait_until(sidecar, lambda box: box["waiting"] == 0 and box["failures"] == 0)
        self.assertEqual((evil, killed), ([], 1))
        failed = [line for line in sidecar.lines() if line.get("delivery") == "failed"]
        self.assertGreaterEqual(len(failed), 1)
        self.assertRegex(failed[-1]["again"], "^[0-9]+ ms$")
        self.assertIn("MF-4133", sidecar.log.decode())
        self.assertEqual(ehr.wrong(), [])
        self.assertEqual(sidecar.stop()[0], 0)

    def test_the_end_of_the_sidecar_loses_and_doubles_nothing(self):
        ehr = self.ehr(conditional=False)
        ehr.hook = lambda handler: time.sleep(0.01)
        self.add("eyelid-coffee/response.json")
        for how in (signal.SIGKILL, signal.SIGTERM):
            sidecar = self.serve(to=ehr.base)
            before = len(ehr.created)
            self.wait_until(sidecar, lambda _: len(ehr.created) > before + 3)
            begin = time.monotonic()
            sidecar.stop(how)
            self.assertLess(time.monotonic() - begin, 20)
            self.assertEqual(self.children(sidecar), [])
        sidecar = self.serve(to=ehr.base)
        self.wait_until(sidecar, lambda box: box["waiting"] == 0)
        names = [json.dumps(resource.get("identifier", resource.get("meta"))) for resource in ehr.created]
        self.assertGreater(len(names), 50)
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(ehr.wrong(), [])

    def test_an_ehr_that_is_down_stops_no_card(self):
        sidecar = self.serve(to="http://127.0.0.1:1")
        self.add("critical-calcium/bundle.json")
        self.wait_until(sidecar, lambda box: (box["waiting"], box["urgent"]) == (1, 1) and box["oldestSeconds"] >= 2)
        self.assertRegex(sidecar.ask("GET", "/metrics")[2].decode(), r"myoflag_outbox_oldest_seconds [1-9]")
        self.assertEqual(sidecar.ask("GET", "/health")[0], 200)
        begin = time.monotonic()
        self.assertEqual(sidecar.stop()[0], 0)
        self.assertLess(time.monotonic() - begin, 15)

    def test_a_demo_delivers_only_when_told(self):
        ehr = self.ehr(transactions=True)
        self.add("eyelid-coffee/response.json")
        sidecar = self.start(mode=("--demo", "--config", self.configure(to=ehr.base)))
        self.assertIn("--deliver", sidecar.log.decode())
        time.sleep(1.5)
        self.assertEqual(ehr.requests, 0)
        self.assertEqual(self.outbox_of(sidecar)["waiting"], 1)
        self.assertEqual(sidecar.stop()[0], 0)

    def test_what_is_urgent_is_told_where_nothing_is_delivered(self):
        self.add("critical-calcium/bundle.json")
        path = os.path.join(self.folder, "myoflag.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"service": {"base": "https://cds.example"}, "intake": {
                "store": "outbox.sqlite", "clinic": "Example Clinic", "phone": "1", "emergency-number": "112"}}, file)
        sidecar = self.start(mode=("--demo", "--config", path))
        self.assertIn("myoflag_outbox_urgent 1\n", sidecar.ask("GET", "/metrics")[2].decode())
        subprocess.run([PROGRAM, "deliver", "--store", self.outbox, "acknowledge", "1", "--by", "ward 3"], check=True, timeout=60)
        time.sleep(0.6)
        self.assertEqual((self.outbox_of(sidecar)["urgent"], self.outbox_of(sidecar)["waiting"]), (0, 1))
        self.assertEqual(sidecar.stop()[0], 0)

    def test_a_reload_says_which_options_need_a_restart(self):
        sidecar = self.serve(to="http://127.0.0.1:1")
        self.assertEqual(set(sidecar.reload()), {"knowledge"})
        self.configure(to="http://127.0.0.1:2")
        with open(os.path.join(self.folder, "myoflag.yaml"), encoding="utf-8") as file:
            config = json.load(file)
        with open(os.path.join(self.folder, "myoflag.yaml"), "w", encoding="utf-8") as file:
            json.dump({**config, "service": {"state": "state"}}, file)
        line = sidecar.reload(parts=2)["configuration"]
        self.assertEqual((line["result"], line["code"], line["options"]), ("needs a restart", "MF-4252", ["service.state", "delivery.to"]))
        self.configure(to="nowhere")
        line = sidecar.reload(parts=2)["configuration"]
        self.assertEqual(line["result"], "refused")
        self.assertIn("MF-4254", line["problems"][0])
        self.assertEqual(sidecar.stop()[0], 0)

    def test_a_broken_outbox_is_not_ready(self):
        sidecar = self.serve(to="http://127.0.0.1:1")
        subprocess.run([sys.executable, "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('DROP TABLE item')", self.outbox],
                       check=True)
        time.sleep(0.6)
        status, _, body = sidecar.ask("GET", "/readyz")
        self.assertEqual((status, json.loads(body)["status"], json.loads(body)["parts"]["outbox"]), (503, "not ready", {"ready": False}))
        self.assertIn("myoflag_outbox_up 0\n", sidecar.ask("GET", "/metrics")[2].decode())

    def test_two_on_one_database_share_it_and_go_on_when_it_comes_back(self):
        server = Postgres()
        self.addCleanup(server.close)
        os.environ["PGPASSWORD"] = PASSWORD
        self.outbox = server.database("shared")
        ehr = self.ehr(transactions=True)
        path = os.path.join(self.folder, "myoflag.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"service": {"base": "https://cds.example"}, "delivery": {"store": self.outbox, "to": ehr.base},
                       "intake": {"store": self.outbox, "clinic": "A", "phone": "1", "emergency-number": "112"}}, file)
        both = [self.start(mode=("--demo", "--deliver", "--config", path)) for _ in range(2)]
        self.add("critical-calcium/bundle.json")
        for sidecar in both:
            self.wait_until(sidecar, lambda box: box["waiting"] == 0 and box["urgent"] == 1)
        count = len(ehr.stored)
        self.assertGreater(count, 10)
        server.stop("immediate")
        time.sleep(1)
        for sidecar in both:
            self.assertEqual(sidecar.ask("GET", "/readyz")[0], 503)
        server.start()
        time.sleep(1)
        self.add("eyelid-coffee/response.json")
        for sidecar in both:
            self.wait_until(sidecar, lambda box: len(ehr.stored) > count and box["waiting"] == 0)
        self.assertEqual(ehr.wrong(), [])
        for sidecar in both:
            self.assertNotIn(PASSWORD, sidecar.log.decode())
            self.assertEqual(sidecar.stop()[0], 0)

    def test_files_are_delivered_too(self):
        sidecar = self.serve(folder="out", site="file")
        self.add("eyelid-coffee/response.json")
        out = os.path.join(self.folder, "out")
        self.wait_until(sidecar, lambda box: box["waiting"] == 0 and os.path.isdir(out) and len(os.listdir(out)) == 2)

    def test_a_configuration_that_cannot_work_does_not_start(self):
        for delivery, code in (({"store": ""}, "MF-4255"), ({}, "MF-4255"), ({"to": "https://x", "folder": "y"}, "MF-4255"),
                               ({"to": "https://x", "site": "none"}, "MF-3153"), ({"to": "https://x", "site": "file"}, "MF-3150"),
                               ({"to": "https://x", "sites": "gone.yaml"}, "MF-3152"), ({"to": "x"}, "MF-4254")):
            given = {"store": "outbox.sqlite", **delivery}
            if code == "MF-4255" and not given["store"]:
                given["to"] = "https://x"
            done = subprocess.run([PROGRAM, "serve", "--demo", "--port", "0", "--config", self.configure(**given)], capture_output=True,
                                  timeout=60)
            self.assertEqual(done.returncode, 2, delivery)
            self.assertIn(code, done.stderr.decode(), delivery)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
