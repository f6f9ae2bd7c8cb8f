#!/usr/bin/env python3
"""usage: send_twice.py < BUNDLES.ndjson

Sends every bundle twice to the stand-in EHR (tests/fhir-server, on loopback, with its validator on) and expects: the first time
everything is created, the second time nothing, and the versions stay as they are. Exit 0: so it is; 1: not.
"""
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def call(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/fhir+json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{error.code}: {error.read().decode(errors='replace')[:2000]}") from None


def state(base):
    """type/id/version of what the answers to a transaction name."""
    return call(base + "/__counts")


def versions(answer):
    return sorted(f"{e['resource']['resourceType']}/{e['resource']['id']}/{e['resource']['meta']['versionId']}"
                  for e in answer["entry"])


def check(base, number, bundle):
    problems = []
    before = state(base)
    first = call(base + "/", json.dumps(bundle).encode())
    middle = state(base)
    second = call(base + "/", json.dumps(bundle).encode())
    after = state(base)
    created = sum(1 for e in first["entry"] if e["response"]["status"].startswith("201"))
    again = sum(1 for e in second["entry"] if not e["response"]["status"].startswith("200"))
    if len(first["entry"]) != len(bundle["entry"]) or created != sum(middle.values()) - sum(before.values()):
        problems.append(f"bundle {number}: {created} of {len(bundle['entry'])} entries created")
    if again or after != middle:
        problems.append(f"bundle {number}: the second sending wrote {again} entries: {middle} -> {after}")
    if versions(first) != versions(second):
        problems.append(f"bundle {number}: the second sending changed a version")
    left = [p for p in json.dumps(second).split('"') if p.startswith("urn:uuid:")]
    if left:
        problems.append(f"bundle {number}: {len(left)} references were not resolved")
    print(f"bundle {number}: {len(bundle['entry'])} entries, {created} created, then {again}; now {after}", flush=True)
    return problems


def main():
    server = subprocess.Popen(["node", os.path.join(ROOT, "tests/fhir-server/server.js")], stdout=subprocess.PIPE, text=True)
    try:
        base = server.stdout.readline().strip()
        problems, seen = [], 0
        for number, line in enumerate(sys.stdin, 1):
            bundle = json.loads(line)
            if bundle["resourceType"] == "Bundle":
                seen += 1
                problems += check(base, number, bundle)
    finally:
        server.terminate()
        server.wait()
    for problem in problems:
        print(problem)
    return 1 if problems or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
