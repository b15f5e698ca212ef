# The React example: its types, its tests with vitest, and with Playwright in Debian's Chromium.
set -euo pipefail
(here=$here/checks && . "$here/../../tests/chromium.sh" "$program")
cp -r "$here/examples/react/." .
node "$here/checks/adopt.mjs" . "$work/packed"
npm install --silent --no-audit --no-fund --no-package-lock
npm run --silent types
npm run --silent test
export CHROMIUM=/usr/bin/chromium PORT
CHROMIUM_FLAGS="--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
export CHROMIUM_FLAGS
PORT=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
npm run --silent e2e
