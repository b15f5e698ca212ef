#!/usr/bin/env bash
# Drives the official React UI Kit, versions 7 and 6, unmodified, in headless Chromium: two users on a built server.
#   tests/uikit/run.sh [BINARY [FOLDER FOR SCREENSHOTS]]
# Without BINARY the release build is used, and made first when it is not there. Needs Node; installs the rest: Debian's
# Chromium (when run as root), the kits and what builds the page.
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
[ -d node_modules/vite ] && [ -d node_modules/playwright-core ] && [ -d node_modules/uikit-6 ] ||
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --no-audit --no-fund --no-package-lock --silent
for version in 7 6; do
  node node_modules/vite/bin/vite.js build --mode "$version"
  node kit.mjs "$binary" "$version" ${shots:+"$shots/$version"}
done
