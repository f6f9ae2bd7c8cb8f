#!/usr/bin/env bash
# usage: run.sh [OPTIONS] FILE|-...   (see Main.java)
#        run.sh --build | --selftest
# HAPI's instance validator. Builds itself when its sources changed, offline when Maven has all it needs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
jar="$here/target/hapi-judge-1.jar"

maven() {  # offline first: quick, and works without a network once the packages are there
  local log
  log=$(mktemp)
  (cd "$here" && { mvn -B -q -o -Dstyle.color=never "$@" >"$log" 2>&1 || mvn -B -q -Dstyle.color=never "$@" >"$log" 2>&1; }) ||
    { cat "$log" >&2; rm -f "$log"; return 3; }
  rm -f "$log"
}

if [ "${1:-}" = --selftest ]; then
  # A test that fails must not be run a second time online, so that its report stays; fetch first, then test.
  [ -f "$jar" ] || "$0" --build
  cd "$here"
  mvn -B -q -o -Dstyle.color=never verify >&2 || mvn -B -q -Dstyle.color=never verify >&2
  exit 0
fi
if [ ! -f "$jar" ] || [ -n "$(find "$here/pom.xml" "$here/src/main" -newer "$jar" -print -quit)" ]; then
  printf 'Building the HAPI judge ...\n' >&2
  maven package -DskipTests
  touch "$jar"
fi
if [ "${1:-}" = --build ]; then exit 0; fi
exec java -Xmx2g -XX:+UseParallelGC -cp "$jar:$here/target/lib/*" org.myoflag.judge.Main "$@"
