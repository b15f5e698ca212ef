# The Node example, with jest.
set -euo pipefail
cp -r "$here/examples/node/." .
node "$here/checks/adopt.mjs" . "$work/packed"
npm install --silent --no-audit --no-fund --no-package-lock
npm test --silent
