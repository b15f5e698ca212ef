# The client's own tests, without anything else installed.
set -euo pipefail
echo '{"private": true, "type": "module"}' >package.json
node "$here/checks/adopt.mjs" . "$work/packed"
npm install --silent --no-audit --no-fund --offline
sed "s#'../index.js'#'hobnob-test'#" "$here/npm/test/client.test.mjs" >client.test.mjs
node --test --test-reporter=spec client.test.mjs
