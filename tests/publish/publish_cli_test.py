#!/usr/bin/env python3
"""myoflag publish against an EHR on this machine, and knowledge export."""
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest
import urllib.parse

PROGRAM = os.environ["MYOFLAG"]
ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
KNOWLEDGE = os.path.join(ROOT, "rules", "knowledge", "twitching")
TYPES = ("CodeSystem", "ValueSet", "Questionnaire", "Library", "ActivityDefinition", "PlanDefinition")
CANARY = "Canary-16180"


class Ehr:
    """Search by url and version, conditional create, update. `instead` may answer a request with raw bytes."""

    def __init__(self, types=TYPES):
        self.types, self.held, self.writes, self.asked, self.instead = types, {}, 0, 0, lambda handler: None
        ehr = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, content=None):
                body = json.dumps(content).encode() if content is not None else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def answer(self, do):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                ehr.asked += 1
                raw = ehr.instead(self)
                if raw is not None:
                    self.wfile.write(raw)
                    self.close_connection = True
                elif self.headers.get("Authorization") != "Bearer tok":
                    self.reply(401, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": CANARY}]})
                else:
                    do(body)

            def do_GET(self):
                self.answer(lambda _: self.reply(200, ehr.statement() if self.path.endswith("/metadata") else ehr.search(self.path)))

            def do_POST(self):
                def create(body):
                    type_ = self.path.rsplit("/", 1)[1]
                    condition = self.headers.get("If-None-Exist")
                    if condition and ehr.search(f"/fhir/{type_}?{condition}")["entry"]:
                        return self.reply(200)
                    ehr.keep(json.loads(body), f"n{len(ehr.held)}")
                    return self.reply(201)
                self.answer(create)

            def do_PUT(self):
                def update(body):
                    ehr.keep(json.loads(body), self.path.rsplit("/", 1)[1])
                    self.reply(200)
                self.answer(update)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}/fhir"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def statement(self):
        interactions = [{"code": code} for code in ("read", "search-type", "create", "update")]
        parameters = [{"name": name, "type": "uri"} for name in ("url", "version")]
        return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server", "resource": [
            {"type": type_, "interaction": interactions, "conditionalCreate": True, "searchParam": parameters} for type_ in self.types]}]}

    def search(self, path):
        address = urllib.parse.urlsplit(path)
        asked = urllib.parse.parse_qs(address.query)
        found = [r for (type_, _), r in self.held.items() if type_ == address.path.rsplit("/", 1)[1]
                 and all(r.get(name) in asked[name] for name in ("url", "version") if name in asked)]
        return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in found]}

    def keep(self, resource, id_):
        self.writes += 1
        added = {"id": id_, "meta": {"versionId": str(self.writes)}, "text": {"status": "generated"}}
        self.held[(resource["resourceType"], id_)] = {**resource, **added}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Publishing(unittest.TestCase):
    def setUp(self):
        self.ehr = Ehr()
        self.addCleanup(self.ehr.close)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def publish(self, *more, token="tok"):
        done = subprocess.run([PROGRAM, "publish", "--to", self.ehr.base, *more], capture_output=True,
                              env={**os.environ, "MYOFLAG_EHR_TOKEN": token}, timeout=240)
        out, err = done.stdout.decode(), done.stderr.decode()
        self.assertNotIn(CANARY, out + err)
        self.assertNotIn(token, out + err)
        return done.returncode, out, err

    def names(self):
        return sorted((r["url"], r["version"]) for r in self.ehr.held.values())

    def test_a_dry_run_then_all_then_nothing_then_another_version(self):
        self.ehr.types = ("CodeSystem", "Questionnaire", "Library", "PlanDefinition")  # a dozen: all of them take long
        code, out, err = self.publish("--dry-run")
        self.assertEqual((code, self.ehr.writes), (0, 0), err)
        self.assertRegex(out, r"(?m)^\d+ not taken, \d+ would create$|^\d+ would create, \d+ not taken$")
        code, out, err = self.publish()
        self.assertEqual(code, 0, err)
        count = self.ehr.writes
        self.assertGreater(count, 9)
        self.assertIn(f"{count} created", out)
        names = self.names()
        self.assertEqual(len(set(names)), count)
        code, out, err = self.publish()
        self.assertEqual((code, self.ehr.writes), (0, count), err)
        self.assertIn(f"{count} unchanged", out)

        newer = os.path.join(self.folder, "knowledge")
        shutil.copytree(KNOWLEDGE, newer)
        with open(os.path.join(newer, "knowledge.yaml"), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(newer, "knowledge.yaml"), "w", encoding="utf-8") as file:
            file.write(re.sub(r"(?m)^version: .*$", "version: 9.9.9", text))
        code, out, err = self.publish("--knowledge", newer)
        self.assertEqual(code, 0, err)
        self.assertIn(f"{count} created", out)
        self.assertEqual(self.names(), sorted(names + [(url, "9.9.9") for url, _ in names]))

    def test_a_server_that_takes_some_types_is_told_apart_from_one_that_takes_none(self):
        self.ehr.types = ("Questionnaire",)
        code, out, err = self.publish()
        self.assertEqual(code, 0, err)
        self.assertIn("created Questionnaire https://myoflag.org/fhir/Questionnaire/twitching|", out)
        self.assertRegex(out, r"not taken PlanDefinition \(1\)")
        self.assertEqual(len(self.ehr.held), 1)
        self.ehr.types = ()
        code, _, err = self.publish()
        self.assertEqual((code, "MF-4136" in err), (3, True), err)

    def test_a_wrong_token_is_told(self):
        code, out, err = self.publish(token="Tok-27182")
        self.assertEqual((code, out), (3, ""))
        self.assertIn("MF-4142", err)

    def test_an_answer_that_kills_the_client_is_told_and_the_same_command_goes_on(self):
        self.ehr.types = ("Questionnaire", "PlanDefinition")
        evil = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"]
        self.ehr.instead = lambda handler: evil.pop() if evil and "PlanDefinition?" in handler.path else None
        code, _, err = self.publish()
        self.assertEqual(evil, [], "it was sent")
        if code != 0:  # the library aborts, or notices in time
            self.assertEqual(code, 3, err)
            code, _, err = self.publish()
        self.assertEqual(code, 0, err)
        self.assertEqual(len(self.names()), 2)

    def test_what_is_exported_is_the_same_as_folder_and_as_file(self):
        def export(name):
            path = os.path.join(self.folder, name)
            done = subprocess.run([PROGRAM, "knowledge", "export", "-o", path], capture_output=True, timeout=60)
            return done.returncode, done.stderr.decode(), path

        _, _, first = export("a.tgz")
        _, _, second = export("b.tgz")
        with open(first, "rb") as one, open(second, "rb") as two:
            self.assertEqual(one.read(), two.read())
        code, err, folder = export("folder")
        self.assertEqual(code, 0, err)
        with tarfile.open(first) as tar:
            for member in tar:
                with open(os.path.join(folder, member.name), "rb") as file:
                    self.assertEqual(tar.extractfile(member).read(), file.read(), member.name)
            index = json.load(tar.extractfile("package/.index.json"))
            for entry in index["files"]:
                resource = json.load(tar.extractfile("package/" + entry["filename"]))
                self.assertEqual((resource["url"], resource["id"]), (entry["url"], entry["id"]))
            self.assertEqual(len(tar.getnames()), len(index["files"]) + 2)
        code, err, _ = export("folder")
        self.assertEqual((code, "MF-4150" in err), (2, True), "an older export is not mixed with")
        self.assertFalse(os.path.exists(first + ".part"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
