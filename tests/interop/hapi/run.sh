#!/usr/bin/env bash
# usage: run.sh [OPTIONS] FILE|-...   (see Main.java)
#        run.sh --build | --selftest
# HAPI's instance validator. Builds itself when its sources changed, offline when Maven has all it needs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
jar="$here/target/hapi-judge-1.jar"

# Offline first: quick, and works without a network once Maven has the packages. Online only where a package was missing, so
# that a compile error or a failed test is not run twice.
maven() {
  local log status=0
  log=$(mktemp)
  (cd "$here" && mvn -B -q -o -Dstyle.color=never "$@") >"$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ] && grep -qE 'offline mode|has not been downloaded' "$log"; then
    status=0
    (cd "$here" && mvn -B -q -Dstyle.color=never "$@") >"$log" 2>&1 || status=$?
  fi
  if [ "$status" -ne 0 ]; then cat "$log" >&2; fi
  rm -f "$log"
  [ "$status" -eq 0 ] || return 3
}

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
