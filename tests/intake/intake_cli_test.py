#!/usr/bin/env python3
"""Invitations and pages from outside: real processes, real sockets, an end in the middle."""
import gzip
import html
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

PROGRAM = os.environ["MYOFLAG"]
ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
NOW = "2026-11-22T09:00:00Z"
CANARY = "Canary-16180"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def run(*arguments, stdin=""):
    done = subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


class Sidecar:
    def __init__(self, *arguments, now=NOW):
        self.process = subprocess.Popen([PROGRAM, "serve", "--demo", "--now", now, "--port", "0", *arguments],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.log, self.port, self.link = "", None, None
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        if not self.ready.wait(60) or self.port is None:
            self.process.kill()
            self.reader.join()
            raise AssertionError(self.log)

    def read(self):
        for line in self.process.stderr:
            self.log += line
            found = re.match(r"Listening on http://127\.0\.0\.1:(\d+)$", line.strip())
            self.port = int(found.group(1)) if found else self.port
            invited = re.search(r"/p/[0-9a-f]{32}", line)
            self.link = self.link or (invited.group(0) if invited else None)  # the first: nobody has answered yet
            if line.startswith("One line of JSON"):
                self.ready.set()
        self.ready.set()

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(60)
        self.reader.join()
        self.process.stderr.close()
        return code


class Browser:
    def __init__(self, port):
        self.port, self.cookie, self.page, self.path = port, "", "", ""

    def ask(self, method, path, fields=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            headers = dict(FORM) if fields is not None else {}
            if self.cookie:
                headers["Cookie"] = self.cookie
            connection.request(method, path, urllib.parse.urlencode(fields, doseq=True) if fields is not None else None, headers)
            answer = connection.getresponse()
            body = answer.read().decode()
            if answer.getheader("Set-Cookie"):
                self.cookie = answer.getheader("Set-Cookie").split(";")[0]
            if answer.status == 303:
                return self.ask("GET", answer.getheader("Location"))
            self.page, self.path = body, path
            return answer.status
        finally:
            connection.close()

    # Of the first form: behind it stands the one that chooses a language.
    def hidden(self):
        form = self.page.split("</form>")[0]
        return {name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)}

    def fill(self, **fields):
        action = re.search(r'<form method="post" action="([^"]*)"', self.page).group(1)
        return self.ask("POST", action, {**self.hidden(), **fields})

    def come(self, link):
        self.ask("GET", urllib.parse.urlsplit(link).path)
        self.fill()
        self.fill(d="27", m="2", y="1980")

    def answer(self, *codes):
        return self.fill(**{self.path.rsplit("/", 1)[1]: list(codes)})


class Intake(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.store = os.path.join(self.folder.name, "store.sqlite")
        self.config = os.path.join(self.folder.name, "myoflag.yaml")
        self.configure({"store": "store.sqlite", "clinic": "Example Clinic", "phone": "020 7946 0123", "emergency-number": "112"})

    def configure(self, intake, base="https://cds.example", **more):
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump({"service": {"base": base} if base else {}, "intake": intake, **more}, file)

    def invite(self, *arguments, code=0, stdin=""):
        got, out, err = run("invite", "--config", self.config, "--now", NOW, *arguments, stdin=stdin)
        self.assertEqual(got, code, err)
        return out if code == 0 else err

    def create(self, *arguments, **more):
        return self.invite("create", "--patient", f"Patient/{CANARY}", "--born", "1980-02-27", *arguments, **more).strip()

    def states(self):
        return [line.split()[1] for line in self.invite("list").splitlines()[1:]]

    def test_a_link_says_nothing_and_a_list_names_nobody_unless_asked(self):
        link = self.create()
        self.assertRegex(link, r"^https://cds\.example/p/[0-9a-f]{32}$")
        self.invite("create", "--patient", f"Patient/{CANARY}", "--born", "-", stdin="1980-02-27\n")
        listed = self.invite("list")
        self.assertEqual(self.states(), ["open", "open"])
        self.assertNotIn(CANARY, listed)
        self.assertNotIn("1980", listed)
        self.assertIn(CANARY, self.invite("list", "--with-patients"))
        self.invite("withdraw", "1")
        self.assertEqual(self.states(), ["open", "withdrawn"])
        self.assertIn("MF-4263", self.invite("withdraw", "9", code=2))
        self.assertEqual(os.stat(self.store).st_mode & 0o077, 0)

    def test_what_is_wrong_is_told_without_the_patient(self):
        for arguments in (["--patient", f"{CANARY}", "--born", "1980-02-27"], ["--patient", "Patient/1", "--born", CANARY],
                          ["--patient", "Patient/1", "--born", "2030-01-01"]):
            said = self.invite("create", *arguments, code=2)
            self.assertIn("MF-4264", said)
            self.assertNotIn(CANARY, said)
        self.assertIn("MF-4266", self.invite("create", "--patient", "Patient/1", "--born", "1980-02-27", "--language", "xx", code=2))
        os.remove(self.store)
        self.assertIn("MF-3108", self.invite("list", code=2))
        self.assertFalse(os.path.exists(self.store))
        code, _, err = run("invite", "list")
        self.assertEqual((code, "MF-4266" in err), (2, True), err)

    def test_a_configuration_that_would_send_patients_nowhere_is_refused(self):
        whole = {"store": "s", "clinic": "c", "phone": "1", "emergency-number": "112"}
        for missing in ("clinic", "phone", "emergency-number"):
            self.configure({name: value for name, value in whole.items() if name != missing})
            code, _, err = run("config", "--check", self.config)
            self.assertNotEqual(code, 0)
            self.assertIn(f"intake.{missing} is needed", err)
        self.configure({**whole, "phone": "call us"})
        self.assertIn("MF-4254", run("config", "--check", self.config)[2])
        self.configure({**whole, "clinic": "Saint {name}"})
        self.assertIn("MF-4254", run("config", "--check", self.config)[2])

    def test_pages_are_small_where_the_browser_takes_gzip(self):
        sidecar = Sidecar("--config", self.config)
        try:
            def got(path, accepts):
                connection = http.client.HTTPConnection("127.0.0.1", sidecar.port, timeout=60)
                connection.request("GET", path, headers={"Accept-Encoding": accepts} if accepts else {})
                answer = connection.getresponse()
                body, coding = answer.read(), answer.getheader("Content-Encoding")
                connection.close()
                return coding, gzip.decompress(body) if coding else body, len(body)

            start = urllib.parse.urlsplit(self.create()).path
            page = got(start, None)[1].decode()
            for path in (start, *re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)):
                _, plain, size = got(path, None)
                for accepts in ("identity", "gzip;q=0", "br, gzip; q=0.000", "*;q=0.5", "gzipped", "deflate"):
                    self.assertEqual(got(path, accepts), (None, plain, size), (path, accepts))
                for accepts in ("gzip", "gzip, deflate, br, zstd", "br, GZip;q=0.5"):
                    coding, body, small = got(path, accepts)
                    self.assertEqual((coding, body), ("gzip", plain), (path, accepts))
                    self.assertLess(small, size * 0.7, path)
        finally:
            sidecar.end()

    def test_a_clinic_chooses_its_languages(self):
        whole = {"store": "store.sqlite", "clinic": "c", "phone": "1", "emergency-number": "112"}

        def first_page(sidecar, link, accepts):
            connection = http.client.HTTPConnection("127.0.0.1", sidecar.port, timeout=60)
            connection.request("GET", urllib.parse.urlsplit(link).path, headers={"Accept-Language": accepts})
            page = connection.getresponse().read().decode()
            connection.close()
            return re.search(r'<html lang="([^"]+)"', page).group(1), sorted(set(re.findall(r'name="lang" value="([^"]+)"', page)))

        arabic = self.create("--lang", "ar")
        link = self.create()
        for chosen, expected in ((["es", "en"], {"fr": ("es", ["en"]), "en": ("en", ["es"]), "ar": ("es", ["en"])}),
                                 (["es"], {"en": ("es", [])}), (["zh", "ar"], {"fr": ("zh", ["ar"]), "ar": ("ar", ["zh"])}),
                                 ([], {"fr": ("en", ["ar", "es", "zh"]), "ar": ("ar", ["en", "es", "zh"])})):
            self.configure(whole | {"languages": chosen})
            sidecar = Sidecar("--config", self.config)
            try:
                for accepts, shown in expected.items():
                    self.assertEqual(first_page(sidecar, link, accepts), shown, (chosen, accepts))
                # What was invited in a language that is not offered any more goes by the browser, too.
                tag = "ar" if not chosen or "ar" in chosen else chosen[0]
                self.assertEqual(first_page(sidecar, arabic, "fr")[0], tag)
                # Nobody is known here: an unknown link.
                self.assertEqual(first_page(sidecar, "/p/" + "0" * 32, "fr")[0], chosen[0] if chosen else "en")
                browser = Browser(sidecar.port)
                browser.come(self.create())  # what is chosen stays with it
                hidden = browser.hidden()
                for tag in ("en", "es", "ar", "zh", "xx"):
                    got = browser.ask("POST", "/p/lang", {"csrf": hidden["csrf"], "lang": tag, "page": "id"})
                    self.assertEqual(got == 403, tag == "xx" or bool(chosen) and tag not in chosen, (chosen, tag))
            finally:
                sidecar.end()
            for tag in ("en", "es", "ar"):
                self.create("--lang", tag, code=2 if chosen and tag not in chosen else 0)
            self.assertEqual(subprocess.run([PROGRAM, "config", "--check", self.config], capture_output=True, text=True,
                                            check=False).stderr.count("MF-4267"), 0)
        for wrong, code in ((["fr"], "MF-4267"), (["es", "fr"], "MF-4267"), (["e s"], "MF-4254"), (["es", "es"], "MF-4256"), ("es", "MF-4254")):
            self.configure(whole | {"languages": wrong})
            got, _, err = run("config", "--check", self.config)
            self.assertEqual((got, code in err), (2, True), err)
            got, _, err = run("serve", "--demo", "--port", "0", "--config", self.config)
            self.assertEqual((got, code in err), (2, True), err)

    def test_killed_between_pages_nothing_that_was_answered_is_lost(self):
        link = self.create()
        sidecar = Sidecar("--config", self.config)
        browser = Browser(sidecar.port)
        browser.come(link)
        browser.answer("none")
        browser.answer("face-droop")
        self.assertIn("Call 112 now", browser.page)
        sidecar.end(signal.SIGKILL)
        self.assertEqual(self.states(), ["interrupted"])
        code, urgent, _ = run("deliver", "--store", self.store, "--urgent")
        self.assertEqual((code, urgent.count("emergency")), (0, 1), urgent)
        code, shown, _ = run("deliver", "--store", self.store, "show", "1")
        self.assertIn("em-sudden", shown)
        again = Sidecar("--config", self.config)
        try:
            other = Browser(again.port)
            other.come(link)
            self.assertIn("Call 112 now", other.page, "it was not read")
            other.fill()
            self.assertEqual(other.path, "/p/q/em-spreading")
            # The visit goes on, too: nothing of it was in the process.
            browser.port = again.port
            browser.ask("GET", "/p/q/em-spreading")
            self.assertEqual(browser.path, "/p/q/em-spreading")
        finally:
            again.end()
        for log in (sidecar.log, again.log):
            self.assertNotIn(CANARY, log)
            self.assertNotIn(link.rsplit("/", 1)[1], log)

    def test_what_interrupted_is_delivered_by_the_same_sidecar(self):
        with open(self.config, encoding="utf-8") as file:
            intake = json.load(file)["intake"]
        self.configure(intake, delivery={"store": "store.sqlite", "folder": "out", "site": "file", "escalate": "communication"})
        link = self.create()
        sidecar = Sidecar("--deliver", "--config", self.config)
        try:
            browser = Browser(sidecar.port)
            browser.come(link)
            browser.answer("none")
            browser.answer("face-droop")
            self.assertIn("Call 112 now", browser.page)
            out = os.path.join(self.folder.name, "out")

            def delivered():
                names = os.listdir(out) if os.path.isdir(out) else []
                return sorted(name.split(".", 1)[1] for name in names)

            whole = ["bundle.json", "ndjson"]
            end = time.monotonic() + 30
            while time.monotonic() < end and delivered() != whole:
                time.sleep(0.05)
            self.assertEqual(delivered(), whole, sidecar.log)
            bundle, = (name for name in os.listdir(out) if name.endswith(".bundle.json"))
            with open(os.path.join(out, bundle), encoding="utf-8") as file:
                communications = [entry["resource"] for entry in json.load(file)["entry"]
                                  if entry["resource"]["resourceType"] == "Communication"]
            self.assertEqual(len(communications), 1)
            code, urgent, _ = run("deliver", "--store", self.store, "--urgent")
            self.assertEqual((code, urgent.count("emergency")), (0, 1), urgent)
        finally:
            self.assertEqual(sidecar.end(), 0)
        self.configure(intake, delivery={"store": "other.sqlite", "folder": "out", "site": "file"})
        self.assertIn("MF-4259", run("config", "--check", self.config)[2])

    def test_the_response_of_a_whole_form_is_delivered_and_valid(self):
        link = self.create("--lang", "ar")
        sidecar = Sidecar("--config", self.config)
        try:
            browser = Browser(sidecar.port)
            browser.come(link)
            usual = {"who-answers": "self", "age-years": "46", "sex-at-birth": "male", "movement-type": "flicker",
                     "site-scope": "eyelid-only", "eyelid-detail": "lid-flutter", "duration": "under-1-week", "course": "better",
                     "worry-level": "little", "anything-else": ""}
            for _ in range(60):
                if browser.path == "/p/review":
                    break
                self.assertEqual(browser.answer(usual.get(browser.path.rsplit("/", 1)[1], "none")), 200, browser.page)
            browser.fill()
            self.assertEqual(browser.path, "/p/done")
        finally:
            sidecar.end()
        self.assertEqual(self.states(), ["submitted"])
        self.assertIn("MF-4265", self.invite("withdraw", "1", code=2))
        target = os.path.join(self.folder.name, "delivered")
        code, _, err = run("deliver", "--store", self.store, "run", "--site", "file", "--folder", target, "--quiet")
        self.assertEqual(code, 0, err)
        responses = []
        for place, _, names in os.walk(target):
            for name in (one for one in names if one.endswith(".bundle.json")):
                with open(os.path.join(place, name), encoding="utf-8") as file:
                    responses += [one for one in resources(json.load(file)) if one["resourceType"] == "QuestionnaireResponse"]
        self.assertEqual(len(responses), 1)
        self.assertEqual(responses[0]["status"], "completed")
        self.assertEqual(responses[0]["subject"], {"reference": f"Patient/{CANARY}"})
        # It says the language of the pages; the words of the form stay, and answers are codes.
        self.assertEqual(responses[0]["language"], "ar")
        self.assertEqual(responses[0]["item"][0]["text"], "First, urgent problems")
        code, _, err = run("check", "--now", NOW, "-", stdin=json.dumps(responses[0]))
        self.assertEqual(code, 0, err)

    def test_a_form_that_cannot_interrupt_is_not_served(self):
        folder = os.path.join(self.folder.name, "knowledge")
        shutil.copytree(os.path.join(ROOT, "rules", "knowledge", "twitching"), folder)
        for place, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(place, name), encoding="utf-8") as file:
                    text = file.read()
                with open(os.path.join(place, name), "w", encoding="utf-8") as file:
                    file.write(text.replace("em-stop", "em-halt"))
        code, _, err = run("serve", "--demo", "--port", "0", "--knowledge", folder)
        self.assertEqual(code, 2, err)
        self.assertIn("MF-4261", err)

    def test_the_demo_brings_its_own_invitation_and_leaves_nothing(self):
        sidecar = Sidecar()
        try:
            browser = Browser(sidecar.port)
            browser.come(sidecar.link)
            self.assertEqual(browser.path, "/p/q/em-now")
        finally:
            sidecar.end()

    # Patients at once: each is answered, and none of them sees another's form.
    def test_a_body_that_is_far_too_long_gets_a_page_in_words_and_the_draft_stays(self):
        sidecar = Sidecar("--config", self.config)
        try:
            patient = Browser(sidecar.port)
            patient.come(self.create())
            patient.answer("none")
            question = patient.path
            status = patient.fill(text=CANARY * 50_000)
            self.assertEqual(status, 413)
            self.assertIn("<h1>This is too long</h1>", patient.page)
            self.assertIn("020 7946 0123", patient.page)
            self.assertNotIn(CANARY, patient.page)
            self.assertEqual(patient.ask("GET", question), 200)
            self.assertEqual(patient.answer("none"), 200)
        finally:
            self.assertEqual(sidecar.end(), 0)
        self.assertNotIn(CANARY, sidecar.log)

    def test_a_thousand_forms_in_a_second_from_one_address_are_contained(self):
        self.configure({"store": "store.sqlite", "clinic": "Example Clinic", "phone": "020 7946 0123", "emergency-number": "112",
                        "proxy-field": "x-forwarded-for"})
        sidecar = Sidecar("--config", self.config)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", sidecar.port, timeout=60)
            body = urllib.parse.urlencode({"csrf": "0" * 32, "em-now": CANARY})
            answers = {}

            def send(address):
                connection.request("POST", "/p/q/em-now", body, {**FORM, "X-Forwarded-For": f"203.0.113.1, {address}"})
                answer = connection.getresponse()
                page = answer.read().decode()
                answers.setdefault(answer.status, (dict(answer.getheaders()), page))
                return answer.status

            begin = time.monotonic()
            flood = [send("198.51.100.7") for _ in range(1_000)]
            let_through = flood.count(403)
            self.assertEqual(set(flood), {403, 429})
            self.assertLessEqual(let_through, 300 + 21 * (time.monotonic() - begin + 1))
            headers, page = answers[429]
            self.assertEqual(headers["Retry-After"], "30")
            self.assertIn("<h1>Please wait a moment</h1>", page)
            self.assertNotIn(CANARY, page)
            self.assertEqual(send("198.51.100.8"), 403, "the others are not touched")
            connection.close()
        finally:
            self.assertEqual(sidecar.end(), 0)
        self.assertNotIn(CANARY, sidecar.log)

    def test_many_at_once(self):
        links = [self.create() for _ in range(8)]
        sidecar = Sidecar("--config", self.config)
        failures = []

        def walk(link, code):
            try:
                browser = Browser(sidecar.port)
                browser.come(link)
                for _ in range(5):
                    browser.ask("GET", "/p/q/em-now")
                    browser.answer(code)
                    if "Call" in browser.page and browser.path == "/p/stop":
                        browser.fill()
                browser.ask("GET", "/p/q/em-now")
                checked = re.findall(r'value="([\w-]+)"(?: data-exclusive="")? checked', browser.page)
                if checked != [code]:
                    failures.append((checked, code))
            except Exception as error:  # noqa: BLE001 - told below
                failures.append(repr(error))

        codes = ["none", "seizure", "blackout", "unsure"] * 2
        threads = [threading.Thread(target=walk, args=pair) for pair in zip(links, codes)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sidecar.end()
        self.assertEqual(failures, [])
        self.assertLess(time.monotonic() - began, 60)


def resources(json_value):
    if isinstance(json_value, dict):
        if "resourceType" in json_value:
            yield json_value
        for value in json_value.values():
            yield from resources(value)
    elif isinstance(json_value, list):
        for value in json_value:
            yield from resources(value)


if __name__ == "__main__":
    unittest.main()
