#!/usr/bin/env bash
# usage: run.sh [OPTIONS] FILE|-...   (see Main.java)
#        run.sh --build | --selftest
# HAPI's instance validator. Builds itself when its sources changed, offline when Maven has all it needs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
jar="$here/target/hapi-judge-1.jar"

# shellcheck source=tests/interop/maven
source "$here/../maven"

if [ "${1:-}" = --selftest ]; then
  maven verify
  exit 0
fi
if [ ! -f "$jar" ] || [ -n "$(find "$here/pom.xml" "$here/src/main" -newer "$jar" -print -quit)" ]; then
  printf 'Building the HAPI judge ...\n' >&2
  maven package -DskipTests
  touch "$jar"
fi
if [ "${1:-}" = --build ]; then exit 0; fi
loads=()
for definition in "$here"/definitions/*.json; do loads+=(--load "$definition"); done
exec java -Xmx2g -XX:+UseParallelGC -cp "$jar:$here/target/lib/*" org.myoflag.judge.Main "${loads[@]}" "$@"
