#!/usr/bin/env bash
# Drives the admin page and the API page of a built server in headless Chromium.
#   tests/browser/run.sh [BINARY [FOLDER FOR SCREENSHOTS]]
# Without BINARY the release build is used, and made first when it is not there. Needs Node; installs the rest: Debian's
# Chromium (when run as root) and the driver library.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
binary=${1:-}
if [ -z "$binary" ]; then
  binary=$root/target/release/hobnob
  [ -x "$binary" ] || (cd "$root" && cargo build --release)
fi
[ -x "$binary" ] || { echo "no server binary at $binary" >&2; exit 1; }
binary=$(realpath "$binary")
shots=${2:+$(realpath -m "$2")}
if [ ! -x /usr/bin/chromium ]; then
  [ "$(id -u)" -eq 0 ] || { echo "there is no /usr/bin/chromium: install it, or run this as root once" >&2; exit 1; }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
fi
cd "$here"
[ -d node_modules/playwright-core ] ||
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --no-audit --no-fund --no-package-lock --silent
node api.mjs "$binary" "$shots"
exec node admin.mjs "$binary" "$shots"
