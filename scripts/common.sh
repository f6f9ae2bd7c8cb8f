# Sourced by the scripts beside it: the root of the project, messages, and building a preset quietly.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd_root() { cd "$root"; }
# MYOFLAG_WARNINGS_ARE_ERRORS: set, a warning of CMake ends the build (the compilers' are errors in any developer build).

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1"; exit "${2:-1}"; }

# build PRESET [TARGET...]: configures once, then builds what changed. Everything it prints goes to standard error, and
# with nothing to do it prints nothing.
build() {
  local preset=$1 dir="$root/build/$1" targets=("${@:2}") log
  if [ -z "${CMAKE_CXX_COMPILER_LAUNCHER:-}" ] && command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
  export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1  # another clone finds what this one compiled
  if [ ! -f "$dir/build.ninja" ] || [ "$root/CMakePresets.json" -nt "$dir/build.ninja" ]; then
    say "Configuring $preset ..."
    log=$(mktemp)
    if ! (cd "$root" && cmake --preset "$preset") >"$log" 2>&1; then
      cat "$log" >&2
      rm -f "$log"
      fail "the configuration of $preset failed"
    fi
    if grep -q 'CMake .*Warning' "$log"; then
      cat "$log" >&2
      if [ -n "${MYOFLAG_WARNINGS_ARE_ERRORS:-}" ]; then
        rm -f "$dir/build.ninja"  # else the next run would find it configured, and not see the warning
        fail "the configuration of $preset gave a warning"
      fi
    fi
    rm -f "$log"
    touch "$dir/build.ninja"  # a configuration that changes nothing does not rewrite it
  fi
  local quiet=() announce
  [ -t 2 ] || quiet=(--quiet)
  (sleep 2 && say "Building $preset ...") >/dev/null &  # only where there is something to wait for
  announce=$!
  ninja -C "$dir" "${quiet[@]}" "${targets[@]}" 2>&1 | { grep -v -e 'no work to do' -e 'Entering directory' || true; } >&2 ||
    fail "the build of $preset failed"
  kill "$announce" 2>/dev/null || true
  wait "$announce" 2>/dev/null || true
}
