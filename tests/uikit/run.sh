#!/usr/bin/env bash
# Drives the official React UI Kit, versions 7 and 6, unmodified, in headless Chromium: two users on a built server.
#   tests/uikit/run.sh [BINARY [FOLDER FOR SCREENSHOTS]]
# Without BINARY the release build is used, and made first when it is not there. Needs Node; installs the rest: Debian's
# Chromium (when run as root), the kits and what builds the page.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../chromium.sh"
cd "$here"
[ -d node_modules/vite ] && [ -d node_modules/playwright-core ] && [ -d node_modules/uikit-6 ] ||
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --no-audit --no-fund --no-package-lock --silent
for version in 7 6; do
  node node_modules/vite/bin/vite.js build --mode "$version"
  node kit.mjs "$binary" "$version" ${shots:+"$shots/$version"}
done
