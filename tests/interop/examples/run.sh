#!/usr/bin/env bash
# usage: run.sh CONVERT_DRIVER OUT_DIR
# Takes every official R4 example (npm package hl7.fhir.r4.examples, CC0), and 5 random resources of every type, through
# JSON -> XML -> JSON and holds the XML against the official schema (xmllint). Expected: each one unchanged, without a
# finding of our structure check, valid against the schema; exceptions.tsv names every example that is not so, and why.
# Exit 0: as expected, and every exception still occurs; 1: not so; 2: usage; 3: the examples cannot be installed.
set -euo pipefail
export LC_ALL=C
[ "$#" -eq 2 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
driver=$(realpath "$1")
out=$2
schema="$here/../../data/fhir-r4-xsd/fhir-single.xsd"
least_examples=5306

"$here/../npm_ready" "$here"
rm -rf "$out"
mkdir -p "$out/xml"
"$driver" examples "$here/node_modules/hl7.fhir.r4.examples" "$out/xml" >"$out/verdicts.tsv"
"$driver" random 5 "$out/xml" >>"$out/verdicts.tsv"

# One line a file: "NAME.xml validates" or "NAME.xml fails to validate", between them the reasons.
(cd "$out/xml" && find . -name '*.xml' -printf '%P\0' |
  xargs -0 -P 2 -n 500 xmllint --noout --nonet --huge --schema "$schema") >"$out/schema.txt" 2>&1 || true

count() { awk -F '\t' -v what="$1" '$2 == what' "$out/verdicts.tsv" | wc -l; }
same=$(count same)
valid=$(grep -c ' validates$' "$out/schema.txt" || true)
{
  awk -F '\t' '$2 != "same" { print $1 "\t" $2 }' "$out/verdicts.tsv"
  sed -n 's/^\(.*\)\.xml fails to validate$/\1\tschema/p' "$out/schema.txt"
} | sort -u >"$out/found.tsv"
grep -v '^#' "$here/exceptions.tsv" | cut -f 1,2 | sort -u >"$out/expected.tsv"

files=$(cut -f 1 "$out/verdicts.tsv" | sort -u | wc -l)
random=$(cut -f 1 "$out/verdicts.tsv" | sort -u | grep -c -- '-random-' || true)
echo "examples $((files - random)), random resources $random: unchanged $same of $files, valid against the schema $valid," \
  "exceptions $(wc -l <"$out/found.tsv") (expected $(wc -l <"$out/expected.tsv"))"
status=0
if [ $((files - random)) -lt "$least_examples" ]; then
  echo "error: only $((files - random)) examples were read, there are $least_examples" >&2
  status=1
fi
if [ $((valid + $(grep -c ' fails to validate$' "$out/schema.txt" || true))) -ne "$(find "$out/xml" -name '*.xml' | wc -l)" ]; then
  echo "error: xmllint did not judge every file, see $out/schema.txt" >&2
  status=1
fi
if ! diff "$out/expected.tsv" "$out/found.tsv" >"$out/difference.txt"; then
  echo "error: not as exceptions.tsv says (< expected, > found); details in $out/verdicts.tsv and schema.txt" >&2
  cat "$out/difference.txt" >&2
  status=1
fi
exit "$status"
