#!/usr/bin/env python3
"""The program from outside: exit codes, what goes where, and that bad input gets a located error, no partial output, and
bounded time and memory. MYOFLAG names the program, MYOFLAG_SOURCE_DIR the root of the project."""
import base64
import contextlib
import fnmatch
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ["MYOFLAG"]
ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
NOW = "2026-11-22T09:00:00Z"
COMMANDS = [["evaluate"], ["check"], ["questionnaire"], ["convert"], ["knowledge"], ["knowledge", "lint"],
            ["knowledge", "test"], ["knowledge", "docs"], ["knowledge", "diff"], ["knowledge", "export"], ["batch"], ["deliver"],
            ["deliver", "run"], ["feedback"], ["invite"], ["invite", "create"], ["publish"], ["serve"], ["config"]]
CODE = re.compile(r"\bMF-\d{4}\b")
PLACE = re.compile(r"line \d+, column \d+|QuestionnaireResponse\b|Bundle\b|Patient\b")
# The address sanitizer keeps up to 256 MB of freed memory back and pads every allocation.
MAX_MEGABYTES = 400 if "asan" not in PROGRAM else 1000
MAX_SECONDS = 20


class Result:
    def __init__(self, code, out, err, seconds, megabytes):
        self.code, self.out, self.err = code, out, err
        self.seconds, self.megabytes = seconds, megabytes


def run(*arguments, given=None, stdout=None, env=None):
    """Runs the program; resident memory is that of this one process."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as into:
        if isinstance(given, bytes):
            into.write(given)
            into.seek(0)
            given = into
        process = subprocess.Popen([PROGRAM, *arguments], stdin=given or subprocess.DEVNULL, stdout=stdout or out,
                                   stderr=err, env={**os.environ, **(env or {})})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = usage.ru_utime + usage.ru_stime  # of the processor: the machine may be busy with other things
        out.seek(0)
        err.seek(0)
        return Result(process.returncode, out.read(), err.read().decode("utf-8"), seconds, usage.ru_maxrss / 1024)


def sample(path):
    with open(os.path.join(ROOT, "samples", path), encoding="utf-8") as f:
        return f.read()


def response():
    return json.loads(sample("eyelid-coffee/response.json"))


def questions(item):
    for child in item.get("item", []):
        yield child
        yield from questions(child)


def question(resource, link_id):
    return next(q for q in questions(resource) if q["linkId"] == link_id)


def as_xml(resource):
    done = run("convert", "--to", "xml", given=json.dumps(resource).encode())
    assert done.code == 0, done.err
    return done.out.decode()


class Case(unittest.TestCase):
    def assert_refused(self, done, located=True):
        self.assertEqual(done.code, 1, done.err)
        self.assertEqual(done.out, b"")
        self.assertRegex(done.err, CODE)
        if located:
            self.assertRegex(done.err, PLACE)
        self.assertLess(done.seconds, MAX_SECONDS)
        self.assertLess(done.megabytes, MAX_MEGABYTES)
        self.assertLess(len(done.err), 20_000, "a message that nobody reads")


class Usage(Case):
    def test_every_command_has_help_with_an_example(self):
        for command in [[], *COMMANDS]:
            with self.subTest(command=command):
                done = run(*command, "--help")
                self.assertEqual(done.code, 0, done.err)
                self.assertRegex(done.out.decode(), r"Examples?:\n  .*myoflag")
                self.assertEqual(done.err, "")

    def test_version_is_a_result(self):
        done = run("--version")
        self.assertEqual(done.code, 0)
        self.assertRegex(done.out.decode(), r"^myoflag \d+\.\d+\.\d+\n$")

    def test_wrong_usage_exits_with_2_and_prints_no_result(self):
        for arguments in ([], ["nonsense"], ["evaluate", "--nonsense"], ["evaluate", "--format", "pdf"],
                          ["evaluate", "--lang", "xx"], ["evaluate", "--max-bytes", "-1"],
                          ["evaluate", "--patient", "--format", "bundle"], ["evaluate", "a", "b"],
                          ["check", "--format", "xml"], ["convert", "--to", "yaml"], ["knowledge"],
                          ["knowledge", "lint"], ["knowledge", "docs"], ["evaluate", "--color", "pink"]):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.code, 2, done.err)
                self.assertEqual(done.out, b"")
                self.assertNotEqual(done.err, "")

    # A variable that was never set: not the default, not the root folder, not a file without a name.
    def test_an_empty_value_is_refused_wherever_one_is_taken(self):
        seen = set()
        for command in COMMANDS:
            for option in re.findall(r"^  (?:-\w,)?(--[a-z-]+)[, \w-]* (?:TEXT|U?INT|auto)", run(*command, "--help").out.decode(), re.M):
                with self.subTest(command=command, option=option):
                    done = run(*command, option, "")
                    self.assertEqual((done.code, done.out), (2, b""), done.err)
                    self.assertTrue(done.err.startswith(f"{option}: "), done.err)  # some say what they want instead
                    seen |= {option} if ": is empty\n" in done.err else set()
        self.assertLess({"--knowledge", "--output", "--out", "--store", "--config", "--check", "--now", "--born", "--to"}, seen)
        for arguments, name in ((["evaluate", ""], "FILE"), (["batch", "", "-o", "x"], "IN"),
                                (["knowledge", "diff", "", "embedded"], "OLD"), (["knowledge", "diff", "embedded", ""], "NEW")):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual((done.code, done.out), (2, b""), done.err)
                self.assertIn(f"{name}: is empty", done.err)

    def test_a_mistyped_command_is_named_beside_those_there_are(self):
        for arguments, wrong, right in ((["evalute", "x"], "evalute", "evaluate"), (["--vresion"], "--vresion", "evaluate"),
                                        (["knowledge", "lnit"], "lnit", "lint"), (["a\nb"], "a<U+000A>b", "check")):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.code, 2)
                self.assertEqual(done.out, b"")
                self.assertTrue(done.err.startswith(f'"{wrong}" is not a command of '), done.err)
                self.assertIn(f" {right},", done.err)
        self.assertIn("did you mean `evaluate`?", run("evalute").err)

    def test_files_that_cannot_be_read(self):
        with tempfile.TemporaryDirectory() as folder:
            for path, code in ((os.path.join(folder, "missing.json"), "MF-4001"), (folder, "MF-4002")):
                for command in ("evaluate", "check", "convert"):
                    with self.subTest(path=path, command=command):
                        done = run(command, path)
                        self.assertEqual(done.code, 2)
                        self.assertIn(code, done.err)
                        self.assertEqual(done.out, b"")

    def test_a_name_stays_in_its_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a\nb.json")
            with open(path, "w", encoding="utf-8") as f:
                f.write("{")
            missing = os.path.join(folder, "missing\n")
            for arguments in (["evaluate", path], ["check", path], ["convert", path], ["evaluate", missing], ["check", missing],
                              ["batch", missing, "-o", folder], ["knowledge", "export", "-o", os.path.join(missing, "x\ny.tgz")],
                              ["evaluate", path, "--knowledge", missing], ["serve", "--config", missing], ["deliver", "--store", missing]):
                with self.subTest(arguments=arguments[0]):
                    done = run(*arguments)
                    self.assertIn(done.code, (1, 2, 3))
                    said = done.err + done.out.decode()
                    self.assertIn("<U+000A>", said)
                    self.assertNotRegex(said, r"missing\n|a\nb|x\ny")

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_a_file_without_permission(self):
        with tempfile.NamedTemporaryFile() as f:
            os.chmod(f.name, 0)
            self.assertIn("MF-4001", run("evaluate", f.name).err)

    def test_a_clock_that_is_none(self):
        for now in ("today", "2026-11-22", "2026-11-22T09:00:00", "2026-13-01T00:00:00Z", ""):
            with self.subTest(now=now):
                done = run("evaluate", "--now=" + now, given=json.dumps(response()).encode())
                self.assertEqual(done.code, 2 if now else done.code)
                if now:
                    self.assertIn("MF-4006", done.err)

    # What the authors' tools are given to work on is their input, for all others it is configuration.
    def test_the_exit_code_for_broken_knowledge(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "knowledge.yaml"), "w", encoding="utf-8") as f:
                f.write("id: [\n")
            out = os.path.join(folder, "out")
            given = ["--knowledge", folder]
            for arguments, code in ((["evaluate", *given], 2), (["check", *given], 2), (["questionnaire", *given], 2),
                                    (["knowledge", "lint", *given], 1), (["knowledge", "test", *given], 1),
                                    (["knowledge", "docs", "-o", out, *given], 1), (["knowledge", "export", "-o", out, *given], 1),
                                    (["knowledge", "diff", folder, "embedded"], 1), (["knowledge", "diff", "embedded", folder], 1)):
                with self.subTest(arguments=arguments):
                    done = run(*arguments)
                    self.assertEqual(done.code, code, done.err)
                    said = done.out.decode() if "lint" in arguments else done.err
                    self.assertIn("knowledge.yaml:2:1: MF-2004", said)
                    if "lint" not in arguments:
                        self.assertIn("MF-4007", said)
                        self.assertEqual(done.out, b"")
                    self.assertFalse(os.path.exists(out))
                    absent = [os.path.join(folder, "absent") if part == folder else part for part in arguments]
                    self.assertEqual(run(*absent).code, 2, absent)


class Bundles(Case):
    def test_nobodys_bundle_is_refused(self):
        nobodys = response()
        del nobodys["subject"]
        given = json.dumps(nobodys).encode()
        for form in ("bundle", "bundle-xml"):
            with self.subTest(form=form):
                done = run("evaluate", "--now", NOW, "--format", form, given=given)
                self.assertEqual(done.code, 1)
                self.assertEqual(done.out, b"")
                self.assertIn("MF-3027", done.err)
                self.assertIn("standard input: error: MF-3027: QuestionnaireResponse.subject", done.err)
        self.assertEqual(run("evaluate", "--now", NOW, given=given).code, 0)


class LeftOpen(Case):
    """Why a question is open is said by every output, and never in the words of another reason."""
    DENIED = "denied before a newer form that could not be read"
    IN_PART = "answered before a newer form that could not be read"
    NOT_ASKED = "not asked, or not for every answer, by the form that was given"
    UNUSABLE = "the answer could not be used"

    @staticmethod
    def said(given, *more):
        """What each output says, as one line; of the bundle the page of its document."""
        def out(form):
            done = run("evaluate", "--now", NOW, "--format", form, *more, given=json.dumps(given).encode())
            assert done.code == 0, done.err
            return done.out.decode()

        bundle = json.loads(out("bundle"))
        resources = [entry["resource"] for entry in bundle["entry"]]
        page, = (content["attachment"]["data"] for one in resources if one["resourceType"] == "DocumentReference"
                 for content in one["content"] if content["attachment"]["contentType"].startswith("text/html"))
        texts = [out("text"), out("cards"), base64.b64decode(page).decode()]
        states = {gap["linkId"]: gap["state"] for gap in json.loads(out("assessment"))["gaps"]}
        absent = {part["code"]["coding"][0]["code"]: part["dataAbsentReason"]["coding"][0]["code"]
                  for one in resources for part in one.get("component", []) if "dataAbsentReason" in part}
        return [" ".join(text.split()) for text in texts], states, absent

    def check_texts(self, texts, *words):
        for text in texts:
            for other in (self.DENIED, self.IN_PART, self.NOT_ASKED, self.UNUSABLE):
                (self.assertIn if other in words else self.assertNotIn)(other, text)

    def test_denied_before_a_newer_form_that_cannot_be_read(self):
        finished, newer = response(), response()
        for name, option in (("em-sudden", "unsure"), ("muscle-changes", "thinner")):
            coding = question(finished, name)["answer"][0]["valueCoding"]
            coding["code"] = f"{name}.{option}"
            del coding["display"]
        newer |= {"id": "newer", "authored": "2026-11-22T08:45:00Z"}
        del newer["status"]
        given = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": finished}, {"resource": newer}]}
        texts, states, absent = self.said(given)
        self.check_texts(texts, self.DENIED, self.IN_PART)
        self.assertEqual([states[name] for name in ("em-now", "muscle-changes", "em-sudden")],
                         ["denied-earlier", "denied-earlier", "unsure"])
        self.assertEqual([absent[name] for name in ("em-now", "muscle-changes", "em-sudden")],
                         ["unknown", "unknown", "asked-unknown"])

    def test_not_offered_by_another_form(self):
        with tempfile.TemporaryDirectory() as folder:
            knowledge = shutil.copytree(os.path.join(ROOT, "rules", "knowledge", "twitching"), os.path.join(folder, "k"))
            with open(os.path.join(ROOT, "docs", "knowledge-authoring.md"), encoding="utf-8") as page:
                example = page.read().split("<!-- example: forms -->")[1].split("```yaml\n")[1].split("```")[0]
            with open(os.path.join(knowledge, "bindings.yaml"), "a", encoding="utf-8") as bindings:
                bindings.write(example)
            given = {"resourceType": "QuestionnaireResponse", "id": "n1", "status": "completed",
                     "questionnaire": "https://forms.example.org/Questionnaire/neurology-intake|3",
                     "subject": {"reference": "Patient/p1"}, "authored": "2026-11-22T08:15:00Z",
                     "item": [{"linkId": "q-age", "answer": [{"valueInteger": 44}]},
                              {"linkId": "q-sudden", "answer": [{"valueCoding": {
                                  "system": "https://forms.example.org/signs", "code": "NO"}}]}]}
            texts, states, absent = self.said(given, "--knowledge", knowledge)
        self.check_texts(texts, self.NOT_ASKED)
        self.assertEqual([states[name] for name in ("em-now", "em-sudden")], ["not-asked"] * 2)
        self.assertEqual([absent[name] for name in ("em-now", "em-sudden")], ["not-asked"] * 2)


class Outcomes(Case):
    def test_an_input_that_is_too_large_is_an_outcome_too(self):
        done = run("check", "--max-bytes", "100", "--format", "outcome", given=json.dumps(response()).encode())
        self.assertEqual(done.code, 1)
        issue = json.loads(done.out)["issue"][0]
        self.assertEqual((issue["severity"], issue["details"]["coding"][0]["code"]), ("error", "MF-4003"))

    def test_cards_are_those_of_cds_hooks(self):
        card, = json.loads(run("evaluate", "--now", NOW, "--format", "cards", given=json.dumps(response()).encode()).out)["cards"]
        self.assertLess(len(card["summary"]), 140)
        self.assertIn(card["indicator"], ("info", "warning", "critical"))


class Output(Case):
    def test_a_full_disk_is_an_outside_failure(self):
        for arguments in (["evaluate", "--now", NOW], ["check"], ["convert"], ["questionnaire"], ["--help"]):
            with self.subTest(arguments=arguments), open("/dev/full", "wb") as full:
                done = run(*arguments, given=json.dumps(response()).encode(), stdout=full)
                self.assertEqual(done.code, 3)
                self.assertIn("MF-4005", done.err)

    def test_a_dash_is_standard_output(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.tgz")
            self.assertEqual(run("knowledge", "export", "-o", path).code, 0)
            done = run("knowledge", "export", "-o", "-")
            self.assertEqual(done.code, 0, done.err)
            with open(path, "rb") as f:
                self.assertEqual(done.out, f.read())
            self.assertTrue(done.err.endswith("to standard output\n"), done.err)
            with open("/dev/full", "wb") as full:
                done = run("knowledge", "export", "-o", "-", stdout=full)
            self.assertEqual((done.code, "MF-4005: standard output" in done.err), (3, True), done.err)

    def test_a_file_is_replaced_whole_or_not_at_all(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.tgz")
            link = os.path.join(folder, "link.tgz")
            os.symlink("a.tgz", link)
            with open(path, "w", encoding="utf-8") as f:
                f.write("as it was")
            os.chmod(path, 0o640)
            for killed in (True, False):  # by the signal; else the write is refused, as on a disk that is full
                done = subprocess.run([PROGRAM, "knowledge", "export", "-o", link], capture_output=True, check=False, text=True,
                                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
                                      restore_signals=killed)
                self.assertEqual(done.returncode, -signal.SIGXFSZ if killed else 3, done.stderr)
                with open(path, encoding="utf-8") as f:
                    self.assertEqual(f.read(), "as it was")
            self.assertIn("MF-4005", done.stderr)
            left = os.listdir(folder)  # of the one that was killed
            self.assertRegex(" ".join(sorted(left)), r"^a\.tgz a\.tgz\.\d+-\d+\.part link\.tgz$")
            self.assertEqual(run("knowledge", "export", "-o", link).code, 0)
            self.assertTrue(os.path.islink(link))
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
            self.assertGreater(os.path.getsize(path), 4096)
            self.assertCountEqual(os.listdir(folder), left)

    @contextlib.contextmanager
    def folder_of_anybody(self):
        """A folder, and what runs a program as somebody who is bound by rights."""
        with tempfile.TemporaryDirectory() as folder:
            if os.geteuid() == 0:
                os.chown(folder, 65534, 65534)
                if subprocess.run(["test", "-x", PROGRAM], check=False, user=65534, group=65534).returncode != 0:
                    self.skipTest("nobody else may run the program here")
            yield folder, {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}

    def test_what_is_no_file_is_written_to_and_never_replaced(self):
        with tempfile.TemporaryDirectory() as folder:
            whole = self.whole_file()
            links = {"a.tgz": "/proc/self/fd/1", "b.tgz": "/dev/fd/1", "c.tgz": "a.tgz", "full.tgz": "/dev/full"}
            for name, target in links.items():
                os.symlink(target, os.path.join(folder, name))
            for name in ("a.tgz", "b.tgz", "c.tgz"):
                with self.subTest(leads_to=links[name]):
                    path = os.path.join(folder, name)
                    self.assertEqual(self.exported(path, subprocess.PIPE), whole)
                    with open(os.path.join(folder, "log"), "a+b") as log:  # as of `>> log`
                        log.truncate(0)
                        log.write(b"before")
                        log.flush()
                        self.exported(path, log)
                        log.seek(0)
                        self.assertEqual(log.read(), b"before" + whole)
                    with tempfile.TemporaryFile(dir=folder) as unlinked:
                        self.exported(path, unlinked)
                        unlinked.seek(0)
                        self.assertEqual(unlinked.read(), whole)
            with tempfile.TemporaryFile(dir=folder) as unlinked:  # another's, which has no name any more
                links["other.tgz"] = f"/proc/{os.getpid()}/fd/{unlinked.fileno()}"
                os.symlink(links["other.tgz"], os.path.join(folder, "other.tgz"))
                self.exported(os.path.join(folder, "other.tgz"), subprocess.DEVNULL)
                self.assertEqual(unlinked.read(), whole)
            self.assertEqual(run("knowledge", "export", "-o", os.path.join(folder, "full.tgz")).code, 3)
            self.assertCountEqual(os.listdir(folder), [*links, "log"])
            for name, target in links.items():
                self.assertEqual(os.readlink(os.path.join(folder, name)), target)

    def whole_file(self):
        with tempfile.TemporaryDirectory() as folder:
            self.exported(os.path.join(folder, "a.tgz"), subprocess.DEVNULL)
            with open(os.path.join(folder, "a.tgz"), "rb") as f:
                return f.read()

    def exported(self, path, stdout):
        done = subprocess.run([PROGRAM, "knowledge", "export", "-o", path], stdout=stdout, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_link_that_leads_to_nothing_gets_its_file(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "there"))
            link, ring = os.path.join(folder, "link.tgz"), os.path.join(folder, "ring.tgz")
            os.symlink("there/a.tgz", link)
            self.exported(link, subprocess.DEVNULL)
            self.assertTrue(os.path.islink(link))
            self.assertEqual(os.listdir(os.path.join(folder, "there")), ["a.tgz"])
            os.symlink("ring.tgz", ring)
            self.assertEqual(run("knowledge", "export", "-o", ring).code, 3)
            self.assertTrue(os.path.islink(ring))

    def test_several_writers_at_once_leave_a_whole_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.tgz")
            for own in ("a.tgz.part", "a.tgz.XXXXXX"):
                with open(os.path.join(folder, own), "w", encoding="utf-8") as f:
                    f.write("somebody's own")
            self.exported(path, subprocess.DEVNULL)
            whole = self.whole_file()
            for _ in range(5):
                writers = [subprocess.Popen([PROGRAM, "knowledge", "export", "-o", path], stderr=subprocess.DEVNULL) for _ in range(6)]
                while any(writer.poll() is None for writer in writers):
                    with open(path, "rb") as f:
                        self.assertEqual(f.read(), whole)
                self.assertEqual([writer.returncode for writer in writers], [0] * 6)
            self.assertEqual(sorted(os.listdir(folder)), ["a.tgz", "a.tgz.XXXXXX", "a.tgz.part"])
            with open(path + ".part", encoding="utf-8") as f:
                self.assertEqual(f.read(), "somebody's own")

    def test_a_file_without_the_right_to_write_stays_as_it_is(self):
        with self.folder_of_anybody() as (folder, anybody):
            path = os.path.join(folder, "a.tgz")
            with open(path, "w", encoding="utf-8") as f:
                f.write("as it was")
            for rights, folder_rights, code in ((0o444, 0o755, 3), (0o444, 0o555, 3), (0o666, 0o555, 0), (0o666, 0o333, 0)):
                with self.subTest(rights=oct(rights), folder=oct(folder_rights)):
                    os.chmod(path, rights)
                    os.chmod(folder, folder_rights)
                    inode = os.stat(path).st_ino
                    done = subprocess.run([PROGRAM, "knowledge", "export", "-o", path], capture_output=True, check=False, **anybody)
                    os.chmod(folder, 0o755)
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertEqual(os.path.getsize(path) > 4096, code == 0)
                    self.assertEqual(os.listdir(folder), ["a.tgz"])
                    self.assertEqual(os.stat(path).st_ino == inode, folder_rights != 0o333, "replaced, where that is possible")

    def test_a_file_that_is_mounted_by_itself_is_written_in_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            path, source = os.path.join(folder, "a.tgz"), os.path.join(folder, "source")
            for name in (path, source):
                with open(name, "w", encoding="utf-8") as f:
                    f.write("as it was" * 1000_000)
            done = subprocess.run(["unshare", "--mount", "sh", "-c", 'mount --bind "$1" "$2" || exit 77; "$3" knowledge export -o "$2"',
                                   "sh", source, path, PROGRAM], capture_output=True, check=False)
            if done.returncode == 77 or b"unshare" in done.stderr:
                self.skipTest("nothing can be mounted here")
            self.assertEqual(done.returncode, 0, done.stderr)
            whole = self.whole_file()
            with open(source, "rb") as f:
                self.assertEqual(f.read(), whole)
            self.assertEqual(sorted(os.listdir(folder)), ["a.tgz", "source"])

    def test_a_reader_that_went_away_is_an_outside_failure(self):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = run("questionnaire", stdout=writing)
        finally:
            os.close(writing)
        self.assertEqual(done.code, 3)
        self.assertIn("MF-4005", done.err)

    def test_same_input_same_bytes(self):
        given = json.dumps(response()).encode()
        for form in ("text", "assessment", "bundle", "bundle-xml", "cards"):
            with self.subTest(format=form):
                first = run("evaluate", "--format", form, "--now", NOW, given=given)
                self.assertEqual(first.code, 0, first.err)
                self.assertNotEqual(first.out, b"")
                self.assertEqual(first.out, run("evaluate", "--format", form, "--now", NOW, given=given).out)

    def test_file_and_standard_input_are_the_same(self):
        path = os.path.join(ROOT, "samples", "eyelid-coffee", "response.json")
        with open(path, "rb") as f:
            piped = run("evaluate", "-", "--now", NOW, given=f)
        self.assertEqual(piped.out, run("evaluate", path, "--now", NOW).out)

    def test_json_and_xml_are_the_same(self):
        given = response()
        self.assertEqual(run("evaluate", "--now", NOW, given=json.dumps(given).encode()).out,
                         run("evaluate", "--now", NOW, given=as_xml(given).encode()).out)

    def test_piped_output_is_plain_and_at_most_80_columns_wide(self):
        out = run("evaluate", "--now", NOW, given=json.dumps(response()).encode(), env={"TERM": "xterm"}).out.decode()
        self.assertNotIn("\x1b", out)
        self.assertLessEqual(max(len(line) for line in out.split("\n")), 80)

    def test_colour_on_demand(self):
        given = json.dumps(response()).encode()
        out = run("evaluate", "--color", "always", "--now", NOW, given=given).out.decode()
        self.assertIn("\x1b[", out)
        plain = run("evaluate", "--color", "never", "--now", NOW, given=given).out.decode()
        self.assertEqual(re.sub(r"\x1b\[[0-9;]*m", "", out), plain)

    def test_everything_is_more(self):
        path = os.path.join(ROOT, "samples", "left-open", "response.json")
        short, full = (run("evaluate", path, *extra, "--now", NOW).out for extra in ([], ["--all"]))
        self.assertLess(len(short), len(full))
        self.assertIn(b"--all", short)
        self.assertNotIn(b"--all", full)

    def test_formats_are_what_they_say(self):
        given = json.dumps(response()).encode()
        assessment = json.loads(run("evaluate", "--format", "assessment", "--now", NOW, given=given).out)
        self.assertEqual(assessment["tier"], "self-care")
        bundle = json.loads(run("evaluate", "--format", "bundle", "--now", NOW, given=given).out)
        self.assertEqual((bundle["resourceType"], bundle["type"]), ("Bundle", "transaction"))
        xml = run("evaluate", "--format", "bundle-xml", "--now", NOW, given=given).out.decode()
        self.assertIn('<Bundle xmlns="http://hl7.org/fhir">', xml)

    def test_a_leap_second_is_kept_in_json_and_refused_in_xml(self):
        given = json.dumps({**response(), "authored": "2016-12-31T23:59:60Z"}).encode()
        bundle = run("evaluate", "--format", "bundle", "--now", NOW, given=given)
        self.assertEqual(bundle.code, 0, bundle.err)
        self.assertIn(b'"authored": "2016-12-31T23:59:60Z"', bundle.out)
        for arguments, place in ((["evaluate", "--format", "bundle-xml", "--now", NOW], "Bundle.entry[1].resource.authored"),
                                 (["convert"], "QuestionnaireResponse.authored")):
            with self.subTest(arguments=arguments):
                done = run(*arguments, given=given)
                self.assert_refused(done)
                self.assertIn("MF-1214: " + place, done.err)
        self.assertEqual(run("convert", "--to", "json", given=given).code, 0)

    def test_the_patient_reads_other_words(self):
        out = run("evaluate", "--patient", "--now", NOW, given=json.dumps(response()).encode()).out.decode()
        self.assertNotIn("benign-", out)
        self.assertIn("emergency number", out)


def deep_json(levels):
    return b'{"resourceType":"QuestionnaireResponse","item":' + b'[{"item":' * levels + b"1" + b"}]" * levels + b"}"


def deep_xml(levels):
    return (b'<QuestionnaireResponse xmlns="http://hl7.org/fhir">' + b"<item>" * levels + b"</item>" * levels +
            b"</QuestionnaireResponse>")


def entity_bomb():
    entities = ['<!ENTITY a0 "haha">'] + [f'<!ENTITY a{i} "{("&a%d;" % (i - 1)) * 10}">' for i in range(1, 10)]
    return ("<?xml version='1.0'?><!DOCTYPE r [" + "".join(entities) + "]>"
            "<QuestionnaireResponse xmlns='http://hl7.org/fhir'><id value='&a9;'/></QuestionnaireResponse>").encode()


def changed(change):
    resource = response()
    change(resource)
    return json.dumps(resource).encode()


def broken_bytes():
    """name -> bytes that no command takes as FHIR"""
    good = json.dumps(response())
    text = json.dumps({**response(), "id": "gr\u00fcn"}, ensure_ascii=False)
    xml = as_xml(response())
    return {
        "empty": b"",
        "only white space": b" \n\t ",
        "truncated": good[:len(good) // 2].encode(),
        "truncated in a name": good[:good.index('"linkId"') + 4].encode(),
        "truncated xml": xml[:len(xml) // 2].encode(),
        "comma missing": good.replace(",", "", 1).encode(),
        "comma too many": good[:-1].encode() + b",}",
        "single quotes": good.replace('"', "'").encode(),
        "text after the value": good.encode() + b" x",
        "two values": good.encode() * 2,
        "10,000 levels": deep_json(10_000),
        "10,000 levels, never closed": deep_json(10_000)[:100_000],
        "10,000 levels of arrays": b"[" * 10_000,
        "10,000 levels xml": deep_xml(10_000),
        "byte order mark": b"\xef\xbb\xbf" + good.encode(),
        "UTF-16 little endian": b"\xff\xfe" + good.encode("utf-16-le"),
        "UTF-16 big endian": b"\xfe\xff" + good.encode("utf-16-be"),
        "UTF-16 without mark": good.encode("utf-16-le"),
        "UTF-16 xml": ("<?xml version='1.0' encoding='UTF-16'?>" + xml).encode("utf-16"),
        "Latin-1": text.encode("latin-1"),
        "Latin-1 xml": xml.replace("eyelid-coffee", "gr\u00fcn").encode("latin-1"),
        "Latin-1 xml that says so": b"<?xml version='1.0' encoding='ISO-8859-1'?>" +
                                    xml.split("?>")[-1].replace("eyelid-coffee", "gr\u00fcn").encode("latin-1"),
        "overlong UTF-8": good.replace("eyelid-coffee", "X").encode().replace(b'"X"', b'"\xc0\xaf"'),
        "lone surrogate": good.replace("eyelid-coffee", "\\ud800").encode(),
        "NUL": good.encode().replace(b"eyelid-coffee", b"eye\x00lid"),
        "duplicate keys": good.replace('{"resourceType"', '{"status": "completed", "resourceType"', 1).encode(),
        "NaN": changed(lambda r: question(r, "age-years").update(answer=[{"valueInteger": float("nan")}])),
        "Infinity": changed(lambda r: question(r, "age-years").update(answer=[{"valueInteger": float("inf")}])),
        "leading zero": good.replace('"valueInteger": 30', '"valueInteger": 030').encode(),
        "comment": b"// a comment\n" + good.encode(),
        "DTD": b"<!DOCTYPE QuestionnaireResponse SYSTEM 'http://example.org/x.dtd'>" + xml.split("?>")[-1].encode(),
        "external entity": b"<!DOCTYPE r [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
                           b"<QuestionnaireResponse xmlns='http://hl7.org/fhir'><id value='&e;'/></QuestionnaireResponse>",
        "entity bomb": entity_bomb(),
        "undeclared entity": xml.replace("eyelid-coffee", "&nbsp;").encode(),
        "xml without namespace": xml.replace(' xmlns="http://hl7.org/fhir"', "").encode(),
        "two roots": xml.encode() + b"<Patient xmlns='http://hl7.org/fhir'/>",
        "tags that do not match": xml.replace("</QuestionnaireResponse>", "</Questionnaire>").encode(),
        "binary": bytes(range(256)) * 16,
    }


def broken_responses():
    """name -> FHIR of the right shape, or nearly, that is no response to be judged"""
    def link_id(r):
        question(r, "duration")["linkId"] = "how-long-ago"

    def other_form(r):
        r["questionnaire"] = "https://example.org/Questionnaire/other"

    def other_version(r):
        r["questionnaire"] = r["questionnaire"].split("|")[0] + "|99.0.0"

    return {
        "unknown linkId": link_id,
        "text where a code belongs": lambda r: question(r, "duration").update(answer=[{"valueString": "long"}]),
        "code where a number belongs": lambda r: question(r, "age-years").update(
            answer=[{"valueCoding": {"code": "thirty"}}]),
        "decimal where an integer belongs": lambda r: question(r, "age-years").update(
            answer=[{"valueInteger": 30.5}]),
        "number as text": lambda r: question(r, "age-years").update(answer=[{"valueInteger": "30"}]),
        "option that is none": lambda r: question(r, "duration")["answer"][0]["valueCoding"].update(
            code="duration.fortnight"),
        "two answers to one choice": lambda r: question(r, "duration").update(
            answer=question(r, "duration")["answer"] * 2),
        "same question twice": lambda r: r["item"].append(r["item"][0]),
        "authored in the future": lambda r: r.update(authored="2031-01-01T00:00:00Z"),
        "authored on no day": lambda r: r.update(authored="2026-02-30"),
        "authored in words": lambda r: r.update(authored="yesterday"),
        "other questionnaire": other_form,
        "other version": other_version,
        "no questionnaire": lambda r: r.pop("questionnaire"),
        "another resource": lambda r: (r.clear(), r.update(resourceType="Patient", id="p")),
        "no resource type": lambda r: r.pop("resourceType"),
        "unknown element": lambda r: r.update(mood="good"),
        "item as object": lambda r: r.update(item={"linkId": "em-now"}),
        "status as number": lambda r: r.update(status=1),
        "null element": lambda r: r.update(status=None),
        "empty string": lambda r: r.update(id=""),
    }


class Refused(Case):
    def test_bytes_that_are_no_fhir(self):
        for name, given in broken_bytes().items():
            for command in ("evaluate", "convert"):
                with self.subTest(name=name, command=command):
                    self.assert_refused(run(command, given=given))

    def test_responses_that_cannot_be_judged(self):
        for name, change in broken_responses().items():
            given = changed(change)
            for form in ("text", "assessment", "bundle"):
                with self.subTest(name=name, format=form):
                    self.assert_refused(run("evaluate", "--format", form, "--now", NOW, given=given))

    def test_check_finds_the_same(self):
        for name, change in broken_responses().items():
            with self.subTest(name=name):
                done = run("check", "--now", NOW, given=changed(change))
                self.assertEqual(done.code, 1)
                self.assertRegex(done.out.decode(), CODE)

    def test_every_truncation_is_refused(self):
        for text in (json.dumps(response()), as_xml(response()).rstrip()):
            data = text.encode()
            for end in range(0, len(data) - 1, max(1, len(data) // 40)):
                with self.subTest(start=text[:1], end=end):
                    self.assert_refused(run("evaluate", "--now", NOW, given=data[:end]))

    def test_a_form_without_any_answer_is_refused(self):
        for given in (changed(lambda r: r.pop("item")),
                      changed(lambda r: [q.pop("answer", None) for q in questions(r)])):
            done = run("evaluate", "--format", "assessment", "--now", NOW, given=given)
            self.assert_refused(done)
            self.assertIn("MF-3009", done.err)

    def test_json_errors_name_line_and_column(self):
        done = run("evaluate", given=b'{\n  "resourceType": "QuestionnaireResponse",\n  "status": nul\n}')
        self.assert_refused(done)
        self.assertRegex(done.err, r"line 3, column \d+")

    def test_xml_errors_name_line_and_column(self):
        done = run("evaluate", given=b'<QuestionnaireResponse xmlns="http://hl7.org/fhir">\n  <status value=x/>\n')
        self.assert_refused(done)
        self.assertRegex(done.err, r"line 2, column \d+")

    def test_all_problems_at_once(self):
        def change(r):
            question(r, "duration")["linkId"] = "how-long-ago"
            question(r, "age-years").update(answer=[{"valueString": "old"}])
        done = run("evaluate", "--now", NOW, given=changed(change))
        self.assert_refused(done)
        self.assertGreaterEqual(len(CODE.findall(done.err)), 2)


class Bounds(Case):
    def test_200_megabytes_in_a_file_are_not_read(self):
        with tempfile.NamedTemporaryFile() as f:
            f.truncate(200 << 20)
            for command in ("evaluate", "check", "convert"):
                with self.subTest(command=command):
                    done = run(command, f.name)
                    # The findings of check are its result.
                    findings, other = (done.out.decode(), done.err) if command == "check" else (done.err, done.out.decode())
                    self.assertEqual((done.code, other), (1, ""))
                    self.assertIn("MF-4003", findings)
                    self.assertLess(done.megabytes, 100 if "asan" not in PROGRAM else MAX_MEGABYTES)
                    self.assertLess(done.seconds, 5)

    def test_200_megabytes_in_a_stream_are_not_kept(self):
        with tempfile.TemporaryFile() as f:
            f.truncate(200 << 20)
            feeder = subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            done = run("evaluate", given=feeder.stdout)
            feeder.stdout.close()
            feeder.wait()
        self.assert_refused(done, located=False)
        self.assertIn("MF-4003", done.err)

    def test_200_megabytes_of_valid_json(self):
        with tempfile.NamedTemporaryFile() as f:
            head, tail = json.dumps(response())[:-1].encode(), b"}"
            f.write(head + b', "text": "')
            for _ in range(200):
                f.write(b"a" * (1 << 20))
            f.write(b'"' + tail)
            f.flush()
            self.assert_refused(run("evaluate", f.name), located=False)

    def test_the_limit_is_the_one_given(self):
        given = json.dumps(response()).encode()
        self.assertIn("MF-4003", run("evaluate", "--max-bytes", str(len(given) - 1), given=given).err)
        self.assertEqual(run("evaluate", "--max-bytes", str(len(given)), "--now", NOW, given=given).code, 0)

    def test_millions_of_small_values(self):
        for given in (b"[" + b"0," * 7_000_000 + b"0]", b"[" + b"[]," * 5_000_000 + b"[]]",
                      b'{"resourceType":"QuestionnaireResponse","item":[' + b"{}," * 5_000_000 + b"{}]}",
                      b'<QuestionnaireResponse xmlns="http://hl7.org/fhir">' + b"<item/>" * 2_200_000 +
                      b"</QuestionnaireResponse>"):
            with self.subTest(start=given[:20]):
                self.assert_refused(run("evaluate", given=given))

    def test_many_broken_answers_give_a_message_that_can_be_read(self):
        def change(r):
            r["item"] = [{"linkId": f"q{i}", "answer": [{"valueInteger": i}]} for i in range(20_000)]
        self.assert_refused(run("evaluate", "--now", NOW, given=changed(change)))


CANARIES = ["Zaphkiel-Quorndon", "Mxyzptlk", "quetzal-canary", "9f7e-secret-mrn", "xylographic.person@example.org"]


class Privacy(Case):
    """What a patient or a record says stands in no message."""

    def canary_response(self):
        resource = response()
        resource["id"] = CANARIES[3]
        resource["subject"] = {"reference": "Patient/" + CANARIES[3], "display": CANARIES[0]}
        finish = {"linkId": "g-finish", "item": [{"linkId": "anything-else", "answer": [{"valueString": CANARIES[1]}]}]}
        resource["item"].append(finish)
        resource["text"] = {"status": "generated",
                            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{CANARIES[2]}</div>'}
        return resource

    def assert_silent(self, done):
        for canary in CANARIES:
            self.assertNotIn(canary, done.err)

    def test_broken_forms_of_the_same_input(self):
        resource = self.canary_response()
        text = json.dumps(resource)
        inputs = [text.encode(), text[:-1].encode(), text.replace('"item"', '"itme"', 1).encode(),
                  text.replace('"linkId": "duration"', f'"linkId": "{CANARIES[0]}"').encode(),
                  text.replace("duration.", CANARIES[2]).encode(),
                  text.replace('"status": "completed"', f'"status": "{CANARIES[1]}"').encode(),
                  text.replace('"authored": "', f'"authored": "{CANARIES[1]}').encode(),
                  text.replace('"resourceType": "QuestionnaireResponse"', f'"resourceType": "{CANARIES[0]}"').encode(),
                  text.replace('"questionnaire": "', f'"questionnaire": "{CANARIES[4]}').encode(),
                  text.replace('{"resourceType"', f'{{"{CANARIES[0]}": 1, "resourceType"', 1).encode(),
                  text.replace('{"resourceType"', f'{{"{CANARIES[0]}": 1, "{CANARIES[0]}": 2, "resourceType"',
                               1).encode(),
                  text.replace('"valueString"', '"valueInteger"').encode(),
                  text.replace('"valueString"', f'"value{CANARIES[1]}"').encode()]
        for position in range(50, len(text), max(1, len(text) // 60)):
            inputs.append((text[:position] + "\x01" + text[position:]).encode())
            inputs.append(text[:position].encode())
        inputs += [as_xml(resource).encode(), as_xml(resource)[:-30].encode(),
                   as_xml(resource).replace("<status", f"<{CANARIES[1]}").encode(),
                   as_xml(resource).replace("<status", f"<status {CANARIES[1]}='1'").encode()]
        for given in inputs:
            for command in (["evaluate", "--now", NOW], ["check", "--now", NOW], ["convert"]):
                with self.subTest(command=command, given=given[:60]):
                    done = run(*command, given=given)
                    self.assertIn(done.code, (0, 1))
                    self.assert_silent(done)
                    if command[0] == "check":
                        for canary in CANARIES:
                            self.assertNotIn(canary, done.out.decode())

    def test_a_record(self):
        bundle = json.loads(sample("lithium-conflict/bundle.json"))
        for entry in bundle["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] == "Patient":
                resource["name"] = [{"text": CANARIES[0], "family": CANARIES[1]}]
                resource["telecom"] = [{"system": "email", "value": CANARIES[4]}]
                resource["identifier"] = [{"system": "urn:example:mrn", "value": CANARIES[3]}]
            if resource["resourceType"] == "Observation":
                resource["valueQuantity"]["unit"] = resource["valueQuantity"]["code"] = CANARIES[2]
        for form in ("text", "assessment", "bundle"):
            done = run("evaluate", "--format", form, "--now", NOW, given=json.dumps(bundle).encode())
            self.assertEqual(done.code, 0, done.err)
            self.assert_silent(done)
        for birth in (CANARIES[3], "1968-99-99"):
            for entry in bundle["entry"]:
                if entry["resource"]["resourceType"] == "Patient":
                    entry["resource"]["birthDate"] = birth
            self.assert_silent(run("evaluate", "--now", NOW, given=json.dumps(bundle).encode()))

    def test_the_clinician_sees_the_words_and_they_cannot_steer_the_terminal(self):
        resource = self.canary_response()
        question(resource, "anything-else")["answer"][0]["valueString"] = "red \u202e gnp \u009b2J end"
        done = run("evaluate", "--color", "never", "--now", NOW, given=json.dumps(resource).encode())
        self.assertEqual(done.code, 0, done.err)
        out = done.out.decode()
        self.assertIn("<U+202E>", out)
        self.assertNotIn("\u202e", out)
        self.assertNotIn("\u009b", out)


class Converting(Case):
    def test_there_and_back_changes_nothing(self):
        for path in ("eyelid-coffee/response.json", "critical-calcium/bundle.json"):
            with self.subTest(path=path):
                there = run("convert", given=sample(path).encode())
                self.assertEqual(there.code, 0, there.err)
                back = run("convert", given=there.out)
                self.assertEqual(back.code, 0, back.err)
                self.assertEqual(json.loads(back.out), json.loads(sample(path)))

    def test_decimals_keep_their_text(self):
        given = (b'{"resourceType":"Observation","status":"final","code":{"text":"x"},'
                 b'"valueQuantity":{"value":1.10}}')
        self.assertIn(b'<value value="1.10"/>', run("convert", given=given).out)

    def test_dropped_comments_are_told(self):
        done = run("convert", given=b'<Patient xmlns="http://hl7.org/fhir"><!-- x --><active value="true"/></Patient>')
        self.assertEqual(done.code, 0)
        self.assertEqual(json.loads(done.out), {"resourceType": "Patient", "active": True})
        self.assertRegex(done.err, CODE)

    def test_the_same_form_can_be_asked_for(self):
        given = b'{"active":true,"resourceType":"Patient"}'
        done = run("convert", "--to", "json", given=given)
        self.assertEqual(list(json.loads(done.out).items()), [("resourceType", "Patient"), ("active", True)])

    def test_all_findings_are_told(self):
        given = b'{"resourceType":"Patient","x":1,"gender":7,"active":"true"}'
        for form in ("json", "xml"):
            done = run("convert", "--to", form, given=given)
            self.assertEqual((done.code, done.out), (1, b""))
            self.assertEqual(done.err.count("MF-1203"), 2, done.err)
            self.assertEqual(done.err.count("MF-1202"), 1, done.err)

    def test_xml_in_another_encoding_is_answered_as_xml(self):
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
            given = '<Patient xmlns="http://hl7.org/fhir"/>'.encode(encoding)
            for command in ("convert", "check", "evaluate"):
                done = run(command, given=given)
                self.assertIn("MF-1103", done.out.decode() + done.err, (encoding, command))


class Checking(Case):
    def test_a_good_response_has_no_error(self):
        done = run("check", "--now", NOW, given=json.dumps(response()).encode())
        self.assertEqual(done.code, 0, done.out)
        self.assertNotIn(b": error: ", done.out)

    def test_an_outcome_is_fhir(self):
        for name, change in {"good": lambda r: None, **broken_responses()}.items():
            with self.subTest(name=name):
                done = run("check", "--format", "outcome", "--now", NOW, given=changed(change))
                outcome = json.loads(done.out)
                self.assertEqual(outcome["resourceType"], "OperationOutcome")
                self.assertEqual(done.code, 0 if name == "good" else 1)
                worst = {issue["severity"] for issue in outcome["issue"]}
                self.assertEqual(bool(worst & {"error", "fatal"}), name != "good")

    def test_what_of_the_record_cannot_be_used_is_a_warning(self):
        bundle = json.loads(sample("lithium-conflict/bundle.json"))
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == "Observation":
                entry["resource"]["valueQuantity"].update(unit="drops", code="drops")
        given = json.dumps(bundle).encode()
        text = run("check", "--now", NOW, given=given)
        self.assertEqual(text.code, 0, text.out)
        self.assertRegex(text.out.decode(), r": warning: MF-3034: Bundle\.entry\[\d+\]\.resource: ")
        outcome = json.loads(run("check", "--format", "outcome", "--now", NOW, given=given).out)
        found = [i for i in outcome["issue"] if "MF-3034" in json.dumps(i)]
        self.assertEqual({i["severity"] for i in found}, {"warning"})
        self.assertRegex(found[0]["expression"][0], r"^Bundle\.entry\[\d+\]\.resource$")

    def test_bytes_that_are_no_fhir_give_an_outcome_too(self):
        done = run("check", "--format", "outcome", given=b"{")
        self.assertEqual(done.code, 1)
        self.assertEqual(json.loads(done.out)["resourceType"], "OperationOutcome")

    def test_the_questionnaire_is_fhir_in_both_forms(self):
        form = json.loads(run("questionnaire").out)
        self.assertEqual(form["resourceType"], "Questionnaire")
        xml = run("questionnaire", "--format", "xml").out
        self.assertEqual(json.loads(run("convert", given=xml).out), form)


class KnowledgeTools(Case):
    FOLDER = os.path.join(ROOT, "rules", "knowledge", "twitching")

    def test_our_knowledge_has_no_errors(self):
        done = run("knowledge", "lint", "--knowledge", self.FOLDER)
        self.assertEqual(done.code, 0, done.out)

    @contextlib.contextmanager
    def altered(self, name, before, after):
        """A copy of the knowledge folder with one text of one file replaced."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["cp", "-r", self.FOLDER + "/.", folder], check=True)
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as f:
                text = f.read()
            self.assertIn(before, text)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace(before, after, 1))
            yield folder

    def test_a_rule_that_cannot_fire_judges_nobody(self):
        with self.altered("rules/emergency.yaml", "any(em-now: chest-pain-heartbeat)",
                          "any(em-now: chest-pain-heartbeat) and isNone(em-now)") as folder:
            done = run("evaluate", "--knowledge", folder, given=sample("old-answers/response.json").encode())
            self.assertNotEqual(done.code, 0)
            self.assertEqual(done.out, b"")
            self.assertRegex(done.err, r"rules/emergency\.yaml:\d+:\d+: MF-2200: ")

    def test_lint_shows_the_place(self):
        with self.altered("rules/soon.yaml", "any(", "any(no-such-question: ") as folder:
            done = run("knowledge", "lint", "--knowledge", folder)
            self.assertEqual(done.code, 1)
            self.assertRegex(done.out.decode(), r"rules/soon\.yaml:\d+:\d+: MF-2\d{3}: .*\n.*\n +\^")

    def test_lint_of_a_folder_that_is_not_there(self):
        self.assertEqual(run("knowledge", "lint", "--knowledge", "/no/such/folder").code, 2)

    def test_the_worked_cases_hold(self):
        for extra in ([], ["--knowledge", self.FOLDER]):
            done = run("knowledge", "test", *extra)
            self.assertEqual(done.code, 0, done.out)
            self.assertRegex(done.out.decode(), r"^(\d\d+) cases, 0 failed\n$")

    def test_a_case_that_fails_is_told(self):
        with self.altered("cases.yaml", "tier: self-care", "tier: emergency") as folder:
            done = run("knowledge", "test", "--knowledge", folder)
            self.assertEqual(done.code, 1)
            self.assertIn(b"expected emergency", done.out)

    def test_the_rule_book_and_the_trace_are_current(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("knowledge", "docs", "-o", folder).code, 0)
            for name in ("rule-book.md", "seed-trace.md"):
                with open(os.path.join(folder, name), encoding="utf-8") as fresh, \
                        open(os.path.join(ROOT, "docs", "knowledge", name), encoding="utf-8") as kept:
                    self.assertTrue(fresh.read() == kept.read(),
                                    f"docs/knowledge/{name}: run myoflag knowledge docs -o docs/knowledge")

    def test_every_covered_fact_names_what_covers_it_and_every_rule_a_source(self):
        with open(os.path.join(ROOT, "docs", "knowledge", "seed-trace.md"), encoding="utf-8") as f:
            rows = [line.split(" | ") for line in f if re.match(r"\| S-\d+ ", line)]
        self.assertGreaterEqual(len(rows), 200)
        for row in rows:
            self.assertEqual(len(row), 5, row)
            self.assertNotEqual(row[3].strip(), "", row)
            self.assertIn("](rule-book.md#source-", row[4], row)


class Readme(Case):
    ELSEWHERE = {"--show", "--partitions", "--sanitize"}  # of samples/run, of the job for Spark, of scripts/test

    @staticmethod
    def options_of(*command):
        text = run(*command, "--help").out.decode()
        commands = re.findall(r"^  ([a-z-]+) ", text.partition("\nSubcommands:\n")[2].partition("\n\n")[0], re.M)
        return set(re.findall(r"--[a-z][a-z-]+", text)).union(*(Readme.options_of(*command, one) for one in commands))

    def test_the_options_that_the_documentation_names_are_there(self):
        known = self.options_of() | self.ELSEWHERE
        for folder, _, names in os.walk(os.path.join(ROOT, "docs")):
            for path in [os.path.join(folder, name) for name in names if name.endswith(".md")] + [os.path.join(ROOT, "README.md")]:
                with open(path, encoding="utf-8") as f:
                    self.assertEqual(set(re.findall(r"`(--[a-z][a-z-]+)", f.read())) - known, set(), path)

    def test_its_commands_work(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
            text = f.read()
        # serve does not end by itself: tests/sidecar starts it. In a sentence, capitals stand for something else.
        commands = re.findall(r"^    ((?:NOW=|scripts/run (?!serve)\w).*)$", text, re.M)
        commands += [one for one in re.findall(r"`(scripts/run \w[^`]*)`", text) if not re.search(r"\b[A-Z]{3,}", one)]
        self.assertGreater(len(commands), 10)
        self.assertIn("scripts/run knowledge export -o twitching.tgz", commands)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("samples", "rules"):
                os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))
            script = "set -ex\n" + "\n".join(commands).replace("scripts/run", '"$MYOFLAG"')
            done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr[-2000:])
            made = set(os.listdir(folder)) - {"samples", "rules"}
        with open(os.path.join(ROOT, ".gitignore"), encoding="utf-8") as f:
            ignored = [line.strip().strip("/") for line in f]
        self.assertGreater(len(made), 8)
        self.assertEqual([name for name in made if not any(fnmatch.fnmatch(name, one) for one in ignored)], [])


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
