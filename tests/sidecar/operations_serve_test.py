#!/usr/bin/env python3
"""FHIR operations of the sidecar over real sockets: statuses, formats, and nothing of the patient in the log."""
import json
import os
import sys
import unittest

from serve_test import CANARY, ROOT, Sidecar

SAMPLE = os.path.join(ROOT, "samples", "hand-weakness-patient", "response.json")
FHIR_JSON = {"Content-Type": "application/fhir+json"}
PATHS = ("/fhir/QuestionnaireResponse/$validate", "/fhir/QuestionnaireResponse/$extract", "/fhir/$assess")


def response(**changes):
    with open(SAMPLE, encoding="utf-8") as file:
        return json.dumps({**json.load(file), **changes}).encode()


class Operations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sidecar = Sidecar()

    @classmethod
    def tearDownClass(cls):
        cls.sidecar.stop()

    def refused(self, status, method, path, body=None, headers=None):
        got, _, answer = self.sidecar.ask(method, path, body, headers)
        self.assertEqual(got, status, answer)
        self.assertEqual(json.loads(answer)["resourceType"], "OperationOutcome")
        self.assertNotIn(CANARY.encode(), answer)
        return json.loads(answer)["issue"][0]

    def test_each_answers_in_the_format_that_is_asked_for(self):
        for path in PATHS:
            kind = "OperationOutcome" if path.endswith("validate") else "Parameters"
            status, _, answer = self.sidecar.ask("POST", path, response(), FHIR_JSON)
            self.assertEqual((status, json.loads(answer)["resourceType"]), (200, kind))
            status, headers, answer = self.sidecar.ask("POST", path + "?_format=xml", response(), FHIR_JSON)
            self.assertEqual((status, headers["Content-Type"].split(";")[0]), (200, "application/fhir+xml"))
            self.assertIn(f"<{kind} xmlns".encode(), answer)

    def test_refusals_have_their_status_and_nothing_of_the_input(self):
        for path in PATHS:
            self.refused(400, "POST", path, b'{"resourceType": "' + CANARY.encode(), FHIR_JSON)
            self.refused(400, "POST", path, json.dumps({"resourceType": "Patient", "id": CANARY}).encode(), FHIR_JSON)
            self.refused(405, "GET", path)
            self.refused(406, "POST", path, response(), {**FHIR_JSON, "Accept": "text/html"})
            self.refused(413, "POST", path, None, {**FHIR_JSON, "Content-Length": str(5 << 20)})
            self.refused(415, "POST", path, response(), {"Content-Type": "text/plain"})
        self.refused(404, "POST", "/fhir/$" + CANARY, response(), FHIR_JSON)
        self.refused(404, "GET", "/fhir/OperationDefinition/" + CANARY)
        for path in PATHS[1:]:
            found = self.refused(422, "POST", path, response(status="entered-in-error", id=CANARY), FHIR_JSON)
            self.assertEqual(found["expression"], ["QuestionnaireResponse.status"])

    def test_no_log_line_holds_anything_of_a_patient(self):
        sidecar = Sidecar()
        for path in PATHS:
            sidecar.ask("POST", path + "?x=" + CANARY, response(id=CANARY, subject={"reference": "Patient/" + CANARY}), FHIR_JSON)
        sidecar.stop()
        self.assertIn(b"$assess", sidecar.log)
        self.assertNotIn(CANARY.encode(), sidecar.log)

    def test_metadata_names_them(self):
        _, _, answer = self.sidecar.ask("GET", "/fhir/metadata")
        rest = json.loads(answer)["rest"][0]
        self.assertEqual([one["name"] for one in rest["operation"]], ["assess"])
        of_response = next(one for one in rest["resource"] if one["type"] == "QuestionnaireResponse")
        self.assertEqual([one["name"] for one in of_response["operation"]], ["validate", "extract"])
        definition = rest["operation"][0]["definition"]
        _, _, answer = self.sidecar.ask("GET", "/fhir/OperationDefinition/assess")
        self.assertEqual(json.loads(answer)["url"], definition)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
