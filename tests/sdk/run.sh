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

home=$(mktemp -d)
server=
finish() {
  status=$?
  trap - EXIT INT TERM
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  [ "$status" -eq 0 ] || { echo "--- the server's last words"; tail -n 40 "$home/server.log" 2>/dev/null || true; } >&2
  rm -rf "$home"
  exit "$status"
}
trap finish EXIT INT TERM

"$bin" serve --data "$home/data" --http 127.0.0.1:0 --https 127.0.0.1:0 >"$home/server.log" 2>&1 &
server=$!
https=
tries=0
while [ -z "$https" ]; do
  https=$(sed -n 's/.*https:\/\/\(127\.0\.0\.1:[0-9][0-9]*\).*/\1/p' "$home/server.log" | head -n 1)
  tries=$((tries + 1))
  kill -0 "$server" 2>/dev/null && [ $tries -lt 200 ] || { echo "the server did not start" >&2; exit 1; }
  [ -n "$https" ] || sleep 0.1
done

export HOBNOB_BIN="$bin" HOBNOB_SUITE_DATA="$home/data" HOBNOB_SUITE_HTTPS="$https" TMPDIR="$home"
# A failure waits so long; a machine with other work to do is not one.
export HOBNOB_SUITE_PATIENCE_MS="${HOBNOB_SUITE_PATIENCE_MS:-30000}"
[ $# -gt 0 ] || set -- *.test.mjs
node --test --test-reporter=spec --test-timeout=600000 "$@"
