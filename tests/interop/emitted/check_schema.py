#!/usr/bin/env python3
"""usage: check_schema.py [--spoil] < ASSESSMENTS.ndjson

Holds every line against docs/assessment.schema.json (JSON Schema 2020-12, python3-jsonschema). Lines of refused inputs
({"resourceType":"Parameters"}) are skipped. --spoil breaks each member of the first line in turn and expects the schema to
notice: a schema that accepts everything would prove nothing. Exit 0: all valid; 1: not; 2: nothing to judge.
"""
import copy
import json
import os
import sys

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def load():
    with open(os.path.join(ROOT, "docs/assessment.schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def spoiled(document):
    """One broken copy for each member at the top, and for the deeper ones of the first findings."""
    for name in document:
        without = copy.deepcopy(document)
        del without[name]
        yield f"without {name}", without
        other = copy.deepcopy(document)
        other[name] = {"surprise": True} if not isinstance(document[name], dict) else 7
        yield f"{name} of another type", other
    yield "an unknown member", {**document, "surprise": 1}
    for name in ("findings", "workups", "gaps", "notices"):
        if document[name]:
            for member in document[name][0]:
                if member not in ("reason", "done"):
                    broken = copy.deepcopy(document)
                    broken[name][0][member] = {"surprise": True}
                    yield f"{name}.{member} of another type", broken


def main(arguments):
    validator, seen, bad = load(), 0, 0
    for number, line in enumerate(sys.stdin, 1):
        document = json.loads(line)
        if document.get("resourceType") == "Parameters":
            continue
        seen += 1
        errors = list(validator.iter_errors(document))
        bad += bool(errors)
        for error in errors[:3]:
            print(f"line {number}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
        if "--spoil" in arguments and seen == 1:
            for what, broken in spoiled(document):
                if validator.is_valid(broken):
                    print(f"the schema does not notice: {what}")
                    bad += 1
    print(f"{seen} assessments, {bad} not valid")
    return 2 if not seen else 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
