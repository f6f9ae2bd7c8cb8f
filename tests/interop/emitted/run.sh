#!/usr/bin/env bash
# usage: run.sh DRIVER DEFINITIONS [RESPONSES [SEED]]
# What the program emits for RESPONSES (300) random responses, judged from outside: HAPI's validator over every bundle, the R4
# definition walker over up to 300 of them, the official XML schema over up to 100, the JSON Schema over every
# assessment, and five bundles sent twice to a server. DRIVER and DEFINITIONS are the built emitted_driver and
# interop_definitions. Exit 0: no error; 1: errors. Everything judged stays in build/emitted.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
driver=$1 definitions=$2 count=${3:-300} seed=${4:-1}
out="$root/build/emitted"
rm -rf "$out"
mkdir -p "$out"
"$here/../npm_ready" "$root/tests/fhir-validate"
"$here/../npm_ready" "$root/tests/fhir-server"
"$here/../hapi/run.sh" --build

"$definitions" >"$out/definitions.json"
"$driver" questionnaire </dev/null >"$out/questionnaire.json"
# Behind the first 300, one patient and one moment: HAPI judges 10,000 bundles only if equal resources are equal.
python3 -B "$here/../random_responses.py" "$out/questionnaire.json" "$count" "$seed" | python3 -B -c '
import json, sys
for n, line in enumerate(sys.stdin):
    if n >= 300:
        response = json.loads(line)
        response.update(subject={"reference": "Patient/p1"}, authored="2026-11-20T08:30:00Z")
        line = json.dumps(response, ensure_ascii=False) + "\n"
    sys.stdout.write(line)
' >"$out/responses.ndjson"
"$driver" bundle <"$out/responses.ndjson" >"$out/bundles.ndjson" 2>"$out/refused.log" || true
"$driver" bundle <"$out/responses.ndjson" 2>/dev/null | cmp - "$out/bundles.ndjson"
# A response without any answer is the one that may be refused.
python3 -B - "$out" <<'PY'
import json, re, sys
out = sys.argv[1]
refused = {int(m.group(1)) for m in re.finditer(r"(?m)^line (\d+):", open(f"{out}/refused.log").read())}
wrong = [n for n, line in enumerate(open(f"{out}/responses.ndjson"), 1) if n in refused and json.loads(line).get("item")]
print(f"{len(refused)} responses without any answer were refused")
sys.exit(f"refused although answered: lines {wrong[:10]}" if wrong else 0)
PY

failed=0
step() {  # name, command...
  local name=$1 began=$SECONDS
  shift
  if "$@" >"$out/$name.log" 2>&1; then verdict="no error"; else verdict="ERRORS"; failed=1; fi
  printf '%s: %s (%d s): %s\n' "$name" "$verdict" $((SECONDS - began)) "$(tail -n 1 "$out/$name.log")"
}
schema() { "$driver" assessment <"$out/responses.ndjson" 2>/dev/null | python3 -B "$here/check_schema.py" --spoil; }
hapi() {  # --distinct joins bundles, so the Device that all of them share gets a name in each
  python3 -B -c '
import re, sys, uuid
for n, line in enumerate(sys.stdin):
    device = re.search(r"\"fullUrl\":\"urn:uuid:([0-9a-f-]{36})\",\"resource\":\{\"resourceType\":\"Device\"", line)
    sys.stdout.write(line.replace(device.group(1), str(uuid.UUID(int=n + 1))) if device else line)
' <"$out/bundles.ndjson" | "$here/../hapi/run.sh" --load "$out/definitions.json" --distinct --stats -
}
walker() { head -n 300 "$out/bundles.ndjson" | node "$root/tests/fhir-validate/cli.js" --questionnaire "$out/questionnaire.json" --ndjson -; }
xml() {
  mkdir -p "$out/xml"
  head -n 100 "$out/responses.ndjson" | { "$driver" xml 2>/dev/null || true; } | python3 -B -c '
import sys
parts = sys.stdin.buffer.read().split(b"\0\n")
names = [p for p in parts if b"<" in p]
for n, part in enumerate(names, 1):
    open(f"{sys.argv[1]}/{n}.xml", "wb").write(part[part.index(b"<"):])
' "$out/xml"
  xmllint --noout --nonet --schema "$root/tests/data/fhir-r4-xsd/fhir-single.xsd" "$out"/xml/*.xml
}
twice() { head -n 5 "$out/bundles.ndjson" | python3 -B "$here/send_twice.py"; }

step schema schema
step xml xml
step twice twice
step walker walker
step hapi hapi
exit $failed
