#!/usr/bin/env python3
"""Invitations over HTTP, on real sockets: the EHR's signed calls, repeated, wrong, forged, at once."""
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import unittest

ROOT = os.environ["MYOFLAG_SOURCE_DIR"]
sys.path[:0] = [os.path.join(ROOT, "tests", "sidecar")]
from clinic import PROGRAM, Clinic  # noqa: E402

PATH = "/intake/invitations"
CANARY = "Canary-16180"
BORN = "1980-02-27"


class Inviting(Clinic):
    def setUp(self):
        super().setUp()
        self.intake = {"inviter": "https://ehr.example"}

    def serve(self, **sections):
        return self.serve_by(self.configure(self.intake, **sections))

    def headers(self, path=PATH, **more):
        return {"Authorization": "Bearer " + self.client.token(aud="https://cds.example" + path),
                "Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in more.items()}

    def post(self, sidecar, body=None, **more):
        body = {"patient": f"Patient/{CANARY}", "birthDate": BORN} if body is None else body
        status, fields, text = sidecar.ask("POST", PATH, body if isinstance(body, str) else json.dumps(body), self.headers(**more))
        self.assertEqual(fields.get("Cache-Control"), "no-store")
        return status, fields, json.loads(text)

    def ask(self, sidecar, method, ident, path=None):
        address = f"{PATH}/{ident}"
        status, _, text = sidecar.ask(method, address, None, self.headers(path or address))
        return status, json.loads(text) if text else None

    def listed(self):
        done = subprocess.run([PROGRAM, "invite", "--store", self.store, "list"], check=True, capture_output=True, text=True)
        return [line.split()[1] for line in done.stdout.splitlines()[1:]]

    def code_of(self, outcome):
        self.assertEqual(outcome["resourceType"], "OperationOutcome")
        text = json.dumps(outcome)
        self.assertNotIn(CANARY, text)
        return re.search(r"MF-\d{4}", text).group(0)

    def opens(self, sidecar, link):
        self.assertRegex(link, r"^https://cds\.example/p/[0-9a-f]{32}$")
        return sidecar.ask("GET", link[len("https://cds.example"):])[0]

    def test_an_invitation_is_made_looked_at_and_withdrawn(self):
        sidecar = self.serve()
        status, fields, made = self.post(sidecar, {"patient": f"Patient/{CANARY}", "birthDate": BORN, "language": "es"})
        self.assertEqual(status, 201, made)
        self.assertEqual(fields["Location"], f"https://cds.example{PATH}/{made['id']}")
        self.assertEqual(sorted(made), ["expires", "id", "link", "made", "state"])
        self.assertEqual(self.opens(sidecar, made["link"]), 200)
        page = sidecar.ask("GET", made["link"][len("https://cds.example"):])[2].decode()
        self.assertIn('lang="es"', page)
        status, seen = self.ask(sidecar, "GET", made["id"])
        self.assertEqual((status, seen["state"], "link" in seen), (200, "open", False))
        self.assertEqual(self.ask(sidecar, "GET", made["id"], PATH)[0], 200, "a token for the collection is good, too")
        self.assertEqual(self.ask(sidecar, "DELETE", made["id"])[0], 204)
        self.assertEqual(self.ask(sidecar, "DELETE", made["id"])[0], 204)
        self.assertEqual(self.ask(sidecar, "GET", made["id"])[1]["state"], "withdrawn")
        self.assertEqual(self.opens(sidecar, made["link"]), 410)
        self.assertEqual(self.listed(), ["withdrawn"])
        for ident in ("0", "99", "x", "1e3", "-1", "9" * 30):
            for method in ("GET", "DELETE"):
                status, outcome = self.ask(sidecar, method, ident)
                self.assertEqual((status, self.code_of(outcome)), (404, "MF-4263"))
        log = sidecar.log.decode()
        for word in (CANARY, made["link"].rsplit("/", 1)[1], BORN):
            self.assertNotIn(word, log)

    def test_the_same_request_makes_one_invitation(self):
        sidecar = self.serve()
        first = self.post(sidecar, Idempotency_Key="k-1")
        again = self.post(sidecar, Idempotency_Key="k-1")
        self.assertEqual((first[0], again[0], again[2]["id"]), (201, 200, first[2]["id"]))
        self.assertEqual({self.opens(sidecar, one[2]["link"]) for one in (first, again)}, {200}, "both links are good")
        status, _, outcome = self.post(sidecar, {"patient": "Patient/other", "birthDate": BORN}, Idempotency_Key="k-1")
        self.assertEqual((status, self.code_of(outcome)), (422, "MF-4290"))
        other = self.post(sidecar, Idempotency_Key="k-2")
        self.assertEqual((other[0], other[2]["id"] != first[2]["id"]), (201, True))
        for key in ("", " ", "a b", "x" * 256):
            self.assertEqual(self.post(sidecar, Idempotency_Key=key)[0], 400)
        # Withdrawn: the same request is answered as before, without a link, and makes no other one.
        self.ask(sidecar, "DELETE", first[2]["id"])
        status, _, over = self.post(sidecar, Idempotency_Key="k-1")
        self.assertEqual((status, over["id"], over["state"], "link" in over), (200, first[2]["id"], "withdrawn", False))
        self.assertEqual(sorted(self.listed()), ["open", "withdrawn"])

    def test_an_appointment_has_one_invitation(self):
        sidecar = self.serve()
        start = "2099-01-01T00:00:00Z"
        body = {"patient": f"Patient/{CANARY}", "birthDate": BORN, "appointment": "Appointment/77"}
        first = self.post(sidecar, body)
        again = self.post(sidecar, body)
        self.assertEqual((first[0], again[0], again[2]["id"]), (201, 200, first[2]["id"]))
        status, _, outcome = self.post(sidecar, body | {"patient": "Patient/other"})
        self.assertEqual((status, self.code_of(outcome)), (409, "MF-4291"))
        self.assertEqual(self.post(sidecar, body | {"start": start})[0], 422, "too far away")
        # Asked for by many at once.
        answers = []
        body["appointment"] = "Appointment/78"

        def work():
            answers.append(self.post(sidecar, body))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answer[0] for answer in answers), [200] * 7 + [201])
        self.assertEqual(len({answer[2]["id"] for answer in answers}), 1)
        self.assertEqual(len({answer[2]["link"] for answer in answers}), 8)
        # Withdrawn, and asked for again: another one, for the first is over.
        self.ask(sidecar, "DELETE", answers[0][2]["id"])
        status, _, new = self.post(sidecar, body)
        self.assertEqual((status, new["id"] != answers[0][2]["id"]), (201, True))

    def test_links_to_one_invitation_are_limited(self):
        sidecar = self.serve()
        for _ in range(51):
            self.assertIn(self.post(sidecar, Idempotency_Key="k")[0], (200, 201))
        status, _, outcome = self.post(sidecar, Idempotency_Key="k")
        self.assertEqual((status, self.code_of(outcome)), (409, "MF-4292"))

    def test_what_is_wrong_is_told_and_makes_nothing(self):
        sidecar = self.serve()
        whole = {"patient": f"Patient/{CANARY}", "birthDate": BORN}
        for status, body in ((400, "{"), (400, "[]"), (400, ""), (400, json.dumps(whole)[:-1] + ',"patient":"Patient/2"}'),
                             (400, whole | {"name": CANARY}), (400, whole | {"birthDate": 1980}), (400, whole | {"language": ""}),
                             (400, whole | {"patient": ["Patient/1"]}), (400, "[" * 5000), (422, {"birthDate": BORN}),
                             (422, {"patient": "Patient/1"}), (422, whole | {"patient": CANARY}), (422, whole | {"patient": "Patient/a b"}),
                             (422, whole | {"birthDate": "1980"}), (422, whole | {"birthDate": "2999-01-01"}),
                             (422, whole | {"appointment": "Patient/1"}), (422, whole | {"language": "xx"}),
                             (422, whole | {"expires": "2026"}), (422, whole | {"expires": "2020-01-01T00:00:00Z"}),
                             (422, whole | {"expires": "2999-01-01T00:00:00Z"}), (422, whole | {"start": "2999-01-01T00:00:00Z"})):
            got, _, outcome = self.post(sidecar, body)
            self.assertEqual(got, status, (body, outcome))
            self.code_of(outcome)
        status, _, text = sidecar.ask("POST", PATH, json.dumps(whole | {"language": "x" * 20_000}), self.headers())
        self.assertEqual((status, self.code_of(json.loads(text)) != ""), (413, True))
        status, _, text = sidecar.ask("POST", PATH, "a=b", self.headers() | {"Content-Type": "text/plain"})
        self.assertEqual(status, 415)
        self.assertEqual(sidecar.ask("GET", PATH, None, self.headers())[0], 405)
        self.assertEqual(self.listed(), [])

    def test_nobody_else_may(self):
        shutil.copy(os.path.join(self.folder, "keys.json"), os.path.join(self.folder, "other.json"))
        sidecar = self.serve(trust={"clients": [{"issuer": "https://ehr.example", "key-set": "keys.json"},
                                                {"issuer": "https://other.example", "key-set": "other.json"}]})
        made = self.post(sidecar)[2]
        body = json.dumps({"patient": "Patient/1", "birthDate": BORN})
        token = self.client.token(aud="https://cds.example" + PATH)
        address = f"{PATH}/{made['id']}"

        def ask(method, path, given):
            return sidecar.ask(method, path, body if method == "POST" else None, {"Content-Type": "application/json"} | given)[0]

        def bearer(**claims):
            return {"Authorization": "Bearer " + self.client.token(**{"aud": "https://cds.example" + PATH} | claims)}

        for method, path in (("POST", PATH), ("GET", address), ("DELETE", address)):
            for given in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer x"}, bearer(aud="https://cds.example/cds-services"),
                          bearer(exp=1), bearer(iss="https://nobody.example"), bearer(aud=f"https://cds.example{PATH}/other")):
                self.assertEqual(ask(method, path, given), 401, given)
            self.assertEqual(ask(method, path, bearer(iss="https://other.example")), 403)
        self.assertEqual(ask("POST", PATH, {"Authorization": "Bearer " + token}), 201)
        self.assertEqual(ask("POST", PATH, {"Authorization": "Bearer " + token}), 401, "used before")
        self.assertEqual(self.listed(), ["open", "open"])
        self.assertIn('"denied":"MF-4294"', sidecar.log.decode())

    def test_without_an_inviter_there_is_no_such_thing(self):
        del self.intake["inviter"]
        sidecar = self.serve()
        self.assertEqual(sidecar.ask("POST", PATH, "{}", self.headers())[0], 404)
        self.intake["inviter"] = "https://nobody.example"
        done = subprocess.run([PROGRAM, "config", "--check", self.configure(self.intake)], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("intake.inviter is the issuer of none of trust.clients", done.stderr)

    def test_the_command_shares_them(self):
        sidecar = self.serve()
        config = os.path.join(self.folder, "myoflag.yaml")

        def invite(*words):
            done = subprocess.run([PROGRAM, "invite", "--config", config, *words], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout.strip()

        made = self.post(sidecar, {"patient": "Patient/1", "birthDate": BORN, "appointment": "Appointment/1"})[2]
        code, link = invite("create", "--patient", "Patient/1", "--born", BORN, "--appointment", "Appointment/1")
        self.assertEqual((code, self.opens(sidecar, link)), (0, 200))
        code, another = invite("link", made["id"])
        self.assertEqual((code, self.opens(sidecar, another)), (0, 200))
        self.assertEqual(len({made["link"], link, another}), 3)
        self.assertEqual(self.listed(), ["open"])
        self.assertEqual(invite("withdraw", made["id"])[0], 0)
        self.assertEqual({self.opens(sidecar, one) for one in (made["link"], link, another)}, {410})
        self.assertEqual(invite("link", made["id"])[0], 2)
        self.assertEqual(invite("link", "9")[0], 2)


if __name__ == "__main__":
    unittest.main()
