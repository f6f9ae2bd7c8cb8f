#!/usr/bin/env python3
"""The random responses follow the form: what is hidden stays unanswered, options are the form's, the same seed gives the same."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from random_responses import responses  # noqa: E402


def coding(code):
    return {"system": "https://t.example/cs", "code": code}


FORM = {
    "resourceType": "Questionnaire", "url": "https://t.example/q", "version": "1", "status": "active", "item": [
        {"linkId": "g", "type": "group", "item": [
            {"linkId": "a", "type": "choice", "answerOption": [{"valueCoding": coding("yes")}, {"valueCoding": coding("no")}]},
            {"linkId": "b", "type": "choice", "repeats": True, "answerOption": [
                {"valueCoding": coding("x")}, {"valueCoding": coding("y")},
                {"valueCoding": coding("none"), "extension": [
                    {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive", "valueBoolean": True}]}],
             "enableWhen": [{"question": "a", "operator": "=", "answerCoding": coding("yes")}]}]},
        {"linkId": "n", "type": "integer", "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/minValue", "valueInteger": 3},
            {"url": "http://hl7.org/fhir/StructureDefinition/maxValue", "valueInteger": 5}]},
        {"linkId": "h", "type": "boolean", "enableWhen": [{"question": "n", "operator": ">", "answerInteger": 4}]},
        {"linkId": "r", "type": "boolean", "required": True}, {"linkId": "t", "type": "text"}, {"linkId": "d", "type": "display", "text": "read this"}],
}


def answers(items):
    for item in items:
        if "answer" in item:
            yield item["linkId"], [next(v for k, v in a.items() if k.startswith("value")) for a in item["answer"]]
        yield from answers(item.get("item", []))


class RandomResponses(unittest.TestCase):
    def setUp(self):
        self.all = list(responses(FORM, 400, "s"))
        self.given = [dict(answers(r.get("item", []))) for r in self.all]

    def test_hidden_questions_stay_unanswered(self):
        for g in self.given:
            if "b" in g:
                self.assertEqual(g["a"], [coding("yes")])
            if "h" in g:
                self.assertGreater(g["n"][0], 4)

    def test_answers_are_within_the_form(self):
        for g in self.given:
            self.assertTrue(all(3 <= n <= 5 for n in g.get("n", [])))
            self.assertNotIn("d", g)
            self.assertIn("r", g)
            codes = [c["code"] for c in g.get("b", [])]
            self.assertEqual(len(codes), len(set(codes)))
            self.assertTrue(codes == ["none"] or set(codes) <= {"x", "y"}, codes)

    def test_every_question_is_answered_by_some_and_skipped_by_others(self):
        for link in ("a", "b", "n", "h", "t"):
            count = sum(link in g for g in self.given)
            self.assertTrue(0 < count < 400, link)

    def test_the_same_seed_gives_the_same_and_another_gives_others(self):
        self.assertEqual(self.all[:50], list(responses(FORM, 50, "s")))
        self.assertNotEqual(self.all[:50], list(responses(FORM, 50, "other")))


if __name__ == "__main__":
    unittest.main()
