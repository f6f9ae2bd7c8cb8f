#!/usr/bin/env python3
"""The first command of the README, as somebody meets it: what it prints is opened, and nothing of it stays.

MYOFLAG names the program. With MYOFLAG_DEMO that command is run instead, as it stands: `MYOFLAG_DEMO=scripts/run`.
"""
import html
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

COMMAND = shlex.split(os.environ.get("MYOFLAG_DEMO", "")) or [os.environ["MYOFLAG"], "serve", "--demo", "--deliver"]
BEGIN = 3600 if "MYOFLAG_DEMO" in os.environ else 120  # with a build, perhaps


class Demo:
    def __init__(self, place, *arguments):
        self.process = subprocess.Popen([*COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, "TMPDIR": place})
        self.said = ""
        self.is_said = threading.Event()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        if not self.is_said.wait(BEGIN) or self.process.poll() is not None:
            self.process.kill()
            raise AssertionError(self.said)

    def read(self):
        for line in self.process.stderr:
            self.said += line
            if "Ctrl-C ends" in line:
                self.is_said.set()
        self.is_said.set()

    def addresses(self):
        return re.findall(r"http://[0-9.]+:\d+[^\s]*", self.said.split("Ctrl-C ends")[0])

    def find(self, pattern):
        return re.findall(pattern, self.said)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(60)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def command_of(process):
    try:
        with open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class Browser:
    def __init__(self):
        self.cookie, self.page, self.address = "", "", ""

    def open(self, address, fields=None):
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(self.address, address))
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if fields is not None else {}
            if self.cookie:
                headers["Cookie"] = self.cookie
            body = urllib.parse.urlencode(fields) if fields is not None else None
            connection.request("GET" if fields is None else "POST", parts.path, body, headers)
            answer = connection.getresponse()
            self.page = answer.read().decode()
            self.address = parts.geturl()
            if answer.getheader("Set-Cookie"):
                self.cookie = answer.getheader("Set-Cookie").split(";")[0]
            return self.open(answer.getheader("Location")) if answer.status == 303 else answer.status
        finally:
            connection.close()

    def fill(self, **fields):
        action = re.search(r'<form method="post" action="([^"]*)"', self.page).group(1)
        hidden = {name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.page)}
        return self.open(action, {**hidden, **fields})

    def come(self, link, born):
        self.open(link)
        self.fill()
        year, month, day = born.split("-")
        self.fill(d=day, m=month, y=year)


class Case(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name

    def start(self, *arguments):
        demo = Demo(self.place, *arguments)
        self.addCleanup(lambda: demo.process.poll() is None and demo.end(signal.SIGKILL))
        return demo

    def left(self):
        return [name for name in os.listdir(self.place) if name.startswith("myoflag")]

    def wait_for_helpers(self, folder):
        """A process that delivers outlives the one that was killed for a moment, and still writes."""
        end = time.monotonic() + 60
        while time.monotonic() < end and any(folder in command_of(process) for process in os.listdir("/proc") if process.isdigit()):
            time.sleep(0.05)

    def test_everything_it_prints_can_be_opened(self):
        demo = self.start()
        addresses = demo.addresses()
        self.assertGreaterEqual(len(addresses), 6, demo.said)
        for address in addresses:
            if address.endswith("/myoflag-intake-review") or urllib.parse.urlsplit(address).path == "":
                continue
            self.assertEqual(Browser().open(address), 200, address)
        links = [address for address in addresses if "/p/" in address]
        dates = demo.find(r"date of birth to type: (\d{4}-\d\d-\d\d)")
        self.assertEqual((len(links), len(dates)), (2, 2))
        patient = Browser()
        patient.come(links[0], dates[0])
        self.assertTrue(patient.address.endswith("/p/q/em-now"), patient.address)
        patient = Browser()
        patient.come(links[1], dates[1])
        self.assertTrue(patient.address.endswith("/p/done"), patient.address)
        self.assertIn("emergency", patient.page.lower())

    def test_the_clinic_and_the_record_have_something(self):
        demo = self.start()
        worklist = next(address for address in demo.addresses() if address.endswith("/c/worklist"))
        clinic = Browser()
        self.assertEqual(clinic.open(worklist), 200)
        self.assertNotIn("Nothing urgent", clinic.page)
        summary = re.search(r'href="(/c/summary/[^"]+)"', clinic.page).group(1)
        self.assertEqual(clinic.open(summary), 200)
        self.assertIn("Calcium", clinic.page)
        folder = demo.find(r"\s(/\S+/ehr)\n")[0]
        end = time.monotonic() + 60
        while time.monotonic() < end and not (os.path.isdir(folder) and len(os.listdir(folder)) == 2):
            time.sleep(0.1)
        names = sorted(os.listdir(folder))
        self.assertEqual([name.split(".", 1)[1] for name in names], ["bundle.json", "ndjson"])
        with open(os.path.join(folder, names[1]), encoding="utf-8") as file:
            kinds = [json.loads(line)["resourceType"] for line in file]
        self.assertIn("QuestionnaireResponse", kinds)
        self.assertIn("DocumentReference", kinds)

    def test_the_call_for_a_card_works_as_printed(self):
        demo = self.start()
        command = demo.find(r"(curl -H .*)\n")[0]
        done = subprocess.run(command + " --silent", shell=True, capture_output=True, timeout=60, check=True)
        cards = json.loads(done.stdout)["cards"]
        self.assertEqual(cards[0]["indicator"], "critical", cards)
        self.assertNotIn("could not be read", json.dumps(cards))

    def test_the_end_leaves_nothing(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            demo = self.start()
            self.assertEqual(len(self.left()), 1)
            self.assertEqual(os.stat(os.path.join(self.place, self.left()[0])).st_mode & 0o077, 0)
            self.assertEqual(demo.end(how), 0)
            self.assertEqual(self.left(), [])

    def test_what_a_killed_one_left_goes_with_the_next_start(self):
        killed = self.start()
        left = self.left()
        killed.end(signal.SIGKILL)
        self.assertEqual(self.left(), left)
        self.wait_for_helpers(left[0])
        alive = self.start()
        kept = self.left()
        self.assertEqual((len(kept), kept == left), (1, False))
        other = self.start()
        self.assertEqual(len(self.left()), 2)  # one that runs is left alone
        self.assertEqual(other.end(), 0)
        self.assertEqual(self.left(), kept)
        self.assertEqual(alive.end(), 0)

    def test_what_others_keep_under_such_a_name_stays(self):
        own = os.path.join(self.place, "own")
        os.mkdir(own, 0o700)
        with open(os.path.join(own, "lock"), "w", encoding="utf-8"):
            pass
        os.symlink(own, os.path.join(self.place, "myoflag-demo-link"))
        os.mkdir(os.path.join(self.place, "myoflag-demo-empty"), 0o700)
        os.mkdir(os.path.join(self.place, "myoflag-demo-open"))
        os.chmod(os.path.join(self.place, "myoflag-demo-open"), 0o755)
        shared = os.path.join(self.place, "myoflag-demo-open", "lock")
        with open(shared, "w", encoding="utf-8"):
            pass
        before = sorted(self.left())
        self.assertEqual(self.start().end(), 0)
        self.assertEqual(sorted(self.left()), before)
        self.assertTrue(os.path.exists(os.path.join(own, "lock")) and os.path.exists(shared))

    @unittest.skipIf("MYOFLAG_DEMO" in os.environ, "needs an argument")
    def test_knowledge_that_the_answers_do_not_fit_is_told(self):
        folder = os.path.join(self.place, "knowledge")
        shutil.copytree(os.path.join(os.environ["MYOFLAG_SOURCE_DIR"], "rules", "knowledge", "twitching"), folder)
        head = os.path.join(folder, "knowledge.yaml")
        with open(head, encoding="utf-8") as file:
            text = file.read()
        with open(head, "w", encoding="utf-8") as file:
            file.write(text.replace("version: 0.1.0", "version: 9.0.0"))
        demo = self.start("--knowledge", folder)
        self.assertIn("do not fit this knowledge", demo.said)
        self.assertEqual(len(demo.find("date of birth to type")), 1)
        self.assertEqual(demo.end(), 0)

    def test_a_port_that_is_taken_is_told_and_another_one_used(self):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", 8080))
                taken.listen()
            except OSError:
                pass  # somebody else has it
            demo = self.start()
            self.assertIn("Port 8080 is taken", demo.said)
            self.assertNotIn(":8080", demo.said)
            self.assertEqual(Browser().open(demo.addresses()[-1]), 200)
            self.assertEqual(demo.end(), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
