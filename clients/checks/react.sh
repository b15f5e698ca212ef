# The React example: its types, its tests with vitest, and with Playwright in Debian's Chromium.
set -euo pipefail
cp -r "$here/examples/react/." .
node "$here/checks/adopt.mjs" . "$work/packed"
npm install --silent --no-audit --no-fund --no-package-lock
npm run --silent types
npm run --silent test
