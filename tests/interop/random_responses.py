#!/usr/bin/env python3
"""usage: random_responses.py QUESTIONNAIRE.json COUNT [SEED]

Prints COUNT random QuestionnaireResponses to the Questionnaire as NDJSON, the same for the same seed. Questions are shown or
not by enableWhen; shown ones are sometimes skipped, unless they are required (the response is echoed in the bundle, and must
itself be sound); choices, numbers, dates and free text stay within what the form allows. Free text carries characters that break careless writers. Knows nothing of the project but the Questionnaire.
"""
import datetime
import json
import random
import sys

AWKWARD = ["twitching since spring", "\"quoted\" & <b>bold</b>", "née Müller, 東京, \U0001f9e0", "back\\slash / slash\ttab",
           "line one\nline two", "]]> --> <!-- ', ;", "’ “ ” … \u00a0 \u200d", "0", "x" * 4000]
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
AUTHORED = datetime.datetime(2026, 11, 20, 8, 30, tzinfo=datetime.timezone.utc)


def extension(item, name):
    for e in item.get("extension", []):
        if e["url"] == EXTENSION + name:
            return next(v for k, v in e.items() if k.startswith("value"))
    return None


def exclusive(option):
    return any(e["url"].endswith("questionnaire-optionExclusive") and e.get("valueBoolean") for e in option.get("extension", []))


def option_value(option):
    return {k: v for k, v in option.items() if k.startswith("value")}


class Form:
    def __init__(self, questionnaire, rng):
        self.form, self.rng = questionnaire, rng

    def response(self, number):
        self.answers = {}
        # Some people answer nearly all, some hardly anything; some have nothing, some everything.
        self.skip = self.rng.choice([0.0, 0.02, 0.1, 0.3, 0.7])
        self.first_option = self.rng.choice([0.0, 0.2, 0.6])
        items = self.items(self.form["item"])
        # Few values, each for a while: bundles that differ in what matters only are cheaper to judge.
        authored = AUTHORED - datetime.timedelta(hours=[0, 30, 24 * 8, 24 * 40][number // 100 % 4])
        result = {"resourceType": "QuestionnaireResponse", "id": f"random-{number}",
                  "questionnaire": self.form["url"] + "|" + self.form["version"], "status": "completed",
                  "subject": {"reference": f"Patient/p{number // 400 % 5}"}, "authored": authored.isoformat().replace("+00:00", "Z")}
        if items:
            result["item"] = items
        return result

    def items(self, items):
        out = [self.item(i) for i in items if i["type"] != "display" and self.enabled(i)]
        return [i for i in out if i]

    def item(self, item):
        answer = {"linkId": item["linkId"]}
        if "text" in item:
            answer["text"] = item["text"]
        if item["type"] == "group":
            below = self.items(item.get("item", []))
            return {**answer, "item": below} if below else None
        skipped = self.rng.random() < self.skip and not item.get("required")
        values = [] if skipped else self.values(item)
        if not values:
            return None
        self.answers[item["linkId"]] = values
        answer["answer"] = values
        below = self.items(item.get("item", []))
        if below:
            values[0]["item"] = below
        return answer

    def values(self, item):
        rng, kind = self.rng, item["type"]
        if kind in ("choice", "open-choice"):
            options = item["answerOption"]
            if not item.get("repeats"):
                return [option_value(options[0] if rng.random() < self.first_option else rng.choice(options))]
            alone = [o for o in options if exclusive(o)]
            others = [o for o in options if not exclusive(o)]
            if alone and (not others or rng.random() < max(0.4, self.first_option)):
                return [option_value(rng.choice(alone))]
            most = len(others) if rng.random() < 0.05 else min(4, len(others))
            return [option_value(o) for o in rng.sample(others, rng.randint(1, most))]
        if kind == "boolean":
            return [{"valueBoolean": rng.random() < 0.5}]
        if kind in ("integer", "decimal", "quantity"):
            low, high = extension(item, "minValue"), extension(item, "maxValue")
            low, high = (0 if low is None else low), (120 if high is None else high)
            if kind == "integer":
                return [{"valueInteger": rng.choice([int(low), int(high), rng.randint(int(low), int(high))])}]
            number = round(rng.uniform(float(low), float(high)), rng.randint(0, 2))
            number = min(max(number, low), high)
            if kind == "decimal":
                return [{"valueDecimal": number}]
            unit = extension(item, "questionnaire-unitOption") or extension(item, "questionnaire-unit")
            quantity = {"value": number}
            if unit:
                quantity.update({"unit": unit.get("display", unit["code"]), "system": unit["system"], "code": unit["code"]})
            return [{"valueQuantity": quantity}]
        if kind == "date":
            return [{"valueDate": str(AUTHORED.date() - datetime.timedelta(days=rng.randint(0, 2000)))}]
        if kind == "dateTime":
            return [{"valueDateTime": (AUTHORED - datetime.timedelta(minutes=rng.randint(0, 10 ** 6))).isoformat()}]
        if kind == "time":
            return [{"valueTime": f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:00"}]
        if kind in ("string", "text"):
            return [{"valueString": rng.choice(AWKWARD)[: item.get("maxLength", 5000)]}]
        raise ValueError(f"{item['linkId']}: items of type {kind} are not made here")

    def enabled(self, item):
        tests = [self.holds(w) for w in item.get("enableWhen", [])]
        if not tests:
            return True
        return all(tests) if item.get("enableBehavior") == "all" else any(tests)

    def holds(self, when):
        wanted = next(v for k, v in when.items() if k.startswith("answer"))
        given = [next(v for k, v in a.items() if k.startswith("value")) for a in self.answers.get(when["question"], [])]
        if when["operator"] == "exists":
            return bool(given) == wanted
        return any(self.compare(g, when["operator"], wanted) for g in given)

    @staticmethod
    def compare(given, operator, wanted):
        if isinstance(given, dict) and "code" in given and "value" not in given:
            given, wanted = (given.get("system"), given["code"]), (wanted.get("system"), wanted["code"])
        elif isinstance(given, dict):
            given, wanted = given["value"], wanted["value"]
        return {"=": given == wanted, "!=": given != wanted}.get(operator) if operator in ("=", "!=") else {
            ">": given > wanted, "<": given < wanted, ">=": given >= wanted, "<=": given <= wanted}[operator]


def responses(questionnaire, count, seed):
    for number in range(count):
        # Each from its own seed: the n-th is the same whatever the count.
        yield Form(questionnaire, random.Random(f"{seed}/{number}")).response(number)


def main(arguments):
    if len(arguments) not in (2, 3) or not arguments[1].isdigit():
        print(__doc__.split("\n", maxsplit=1)[0], file=sys.stderr)
        return 2
    with open(arguments[0], encoding="utf-8") as f:
        questionnaire = json.load(f)
    for response in responses(questionnaire, int(arguments[1]), arguments[2] if len(arguments) == 3 else "1"):
        print(json.dumps(response, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
