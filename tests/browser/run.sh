#!/usr/bin/env bash
# Drives the admin page and the API page of a built server in headless Chromium.
#   tests/browser/run.sh [BINARY [FOLDER FOR SCREENSHOTS]]
# SUITES="server watch" in the environment: only these. Without BINARY the release build is used, and made first when it is not there. Needs Node; installs the rest: Debian's
# Chromium (when run as root) and the driver library.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../chromium.sh"
cd "$here"
(cd "$root/static/vendor" && sha256sum --check --quiet SHA256SUMS)
[ -d node_modules/playwright-core ] && [ -d node_modules/axe-core ] && [ -d node_modules/jsqr ] ||
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --no-audit --no-fund --no-package-lock --silent
failed=0
for suite in ${SUITES:-api admin users groups messages moderation settings server watch tail hostile keyboard elsewhere}; do
  node "$suite.mjs" "$binary" "$shots" || failed=1
done
exit "$failed"
