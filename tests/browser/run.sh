#!/usr/bin/env bash
# Drives the admin page of the built binary in headless Chromium. Needs Node; installs the rest: Debian's Chromium
# (when run as root on Debian) and the driver library.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${1:-$here/../../target/release/hobnob}")
cd "$here"
if ! command -v chromium >/dev/null; then
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
fi
[ -d node_modules/playwright-core ] || npm install --no-audit --no-fund --no-package-lock --silent
exec node admin.mjs "$binary" "${2:-}"
