# The Node example, with jest.
set -euo pipefail
cp -r "$here/examples/node/." .
node "$here/checks/adopt.mjs" . "$work/packed"
npm install --silent --no-audit --no-fund --no-package-lock
npm test --silent

# A runner that is killed leaves no server behind, although its workers may live on.
rm -r tests/*
for number in 1 2; do
  cat >tests/$number.test.js <<'END'
const { useHobnob } = require('hobnob-test/jest');
const chat = useHobnob();
test('endless', () => {
  require('node:fs').writeFileSync(`${__filename}.pid`, String(chat.pid));
  return new Promise(() => {});
}, 600000);
END
done
node node_modules/jest/bin/jest.js --maxWorkers 2 >endless.log 2>&1 &
runner=$!
until [ -s tests/1.test.js.pid ] && [ -s tests/2.test.js.pid ]; do
  kill -0 "$runner" || { cat endless.log; exit 1; }
  sleep 0.1
done
kill -9 "$runner"
for server in $(cat tests/1.test.js.pid) $(cat tests/2.test.js.pid); do
  for _ in $(seq 200); do
    kill -0 "$server" 2>/dev/null || continue 2
    sleep 0.1
  done
  echo "FAILED: a server is left behind by jest" >&2
  exit 1
done
