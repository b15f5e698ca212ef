#!/bin/sh
# Drives the official JavaScript client against a built server.
#   tests/sdk/run.sh [BINARY [TEST FILE...]]
# Without BINARY the release build is used, and made first when it is not there.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)

bin=${1:-}
[ $# -gt 0 ] && shift
if [ -z "$bin" ]; then
  bin=$root/target/release/hobnob
  [ -x "$bin" ] || (cd "$root" && cargo build --release)
else
  # The tests run from this directory; a relative path was meant from the caller's.
  case $bin in /*) ;; *) bin=${OLDPWD:-$root}/$bin ;; esac
fi
[ -x "$bin" ] || { echo "no server binary at $bin" >&2; exit 1; }
[ -d node_modules/ws ] && [ -d node_modules/@cometchat/chat-sdk-javascript ] && [ -d node_modules/ionic-3.0.13 ] || npm install --ignore-scripts --legacy-peer-deps --no-audit --no-fund --no-package-lock

# Servers that are stopped and started again keep their data here; all others are thrown away by themselves.
TMPDIR=$(mktemp -d)
export TMPDIR HOBNOB_BIN="$bin"
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 1' INT TERM
# A failure waits so long; a machine with other work to do is not one.
export HOBNOB_SUITE_PATIENCE_MS="${HOBNOB_SUITE_PATIENCE_MS:-30000}"
[ $# -gt 0 ] || set -- *.test.mjs
# Each file has a server of its own: two at a time.
node --test --test-reporter=spec --test-timeout=600000 --test-concurrency=2 "$@"
