#!/usr/bin/env bash
# Mixed traffic for a while, with a storm of sockets in the middle: memory, descriptors, threads and the log come back.
# usage: run.sh [path/to/hobnob]. Needs python3 and Linux. By default short; the real one:
#   SOAK_SECONDS=1800 SOAK_SOCKETS=10000 tests/soak/run.sh target/release/hobnob
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${1:-$here/../../target/release/hobnob}")
if [ ! -r /proc/self/status ] || ! command -v python3 >/dev/null; then
  echo "SKIPPED: the soak needs Linux and python3."
  exit 0
fi
exec python3 "$here/soak.py" "$binary" --seconds "${SOAK_SECONDS:-45}" --sockets "${SOAK_SOCKETS:-500}" --rate "${SOAK_RATE:-150}"
