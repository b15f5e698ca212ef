# The JavaScript client's own tests; what both clients tell when something is wrong; and that no server is left behind, however a run
# of tests ends.
set -euo pipefail
fail() { echo "FAILED: $*" >&2; exit 1; }
echo '{"private": true}' >package.json
node "$here/checks/adopt.mjs" . "$work/packed"
npm install --silent --no-audit --no-fund --offline
python3 -m venv py
py/bin/pip install --quiet --no-index --disable-pip-version-check --find-links "$work/packed" hobnob-test
sed "s#'../index.js'#'hobnob-test'#" "$here/npm/test/client.test.mjs" >client.test.mjs
node --test --test-reporter=spec client.test.mjs

# As a newcomer installs it, word for word.
mkdir newcomer
(
  cd newcomer
  cp -r "$work/packed" packed
  echo '{"private": true}' >package.json
  command=$(grep -E '^ +npm install --save-dev \./packed' "$here/../docs/testing.md" | sed "s/linux-x64/$(node -p '`${process.platform}-${process.arch}`')/")
  eval "$command --silent --no-audit --no-fund" || fail "$command"
  node -e 'require("hobnob-test").startHobnob().then((chat) => chat.stop())' || fail "what was installed does not start"
)

# A seed that is wrong: file, line and field.
printf 'users:\n  - uid: ann\n    nmae: Ann\n' >wrong.yaml
start='require("hobnob-test").startHobnob({ seed: "wrong.yaml" })'
said=$(node -e "$start" 2>&1) && fail "a wrong seed was taken"
grep -q 'wrong.yaml:3: .*nmae' <<<"$said" || fail "of a wrong seed Node says: $said"
said=$(py/bin/python -c 'import hobnob_test; hobnob_test.Hobnob(seed="wrong.yaml")' 2>&1) && fail "a wrong seed was taken"
grep -q 'wrong.yaml:3: .*nmae' <<<"$said" || fail "of a wrong seed Python says: $said"

# A program that is not there, or is none.
start='require("hobnob-test").startHobnob()'
for bin in /nowhere/hobnob "$PWD" "$PWD/wrong.yaml"; do
  said=$(HOBNOB_BIN=$bin node -e "$start" 2>&1) && fail "$bin was started"
  grep -q "cannot start $bin: .*HOBNOB_BIN" <<<"$said" || fail "of $bin Node says: $said"
  said=$(HOBNOB_BIN=$bin py/bin/python -c 'import hobnob_test; hobnob_test.Hobnob()' 2>&1) && fail "$bin was started"
  grep -q "cannot start $bin: .*HOBNOB_BIN" <<<"$said" || fail "of $bin Python says: $said"
done

# A platform for which there is no program: it is installed, and says what to do when it is started.
elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT
cp package.json "$elsewhere"
(
  cd "$elsewhere"
  npm install --silent --no-audit --no-fund --offline --os=freebsd --cpu=riscv64
  [ "$(ls node_modules)" = hobnob-test ] || fail "for another platform there is: $(ls node_modules)"
  said=$(PATH=$(dirname "$(command -v node)") node -e "$start" 2>&1) && fail "a program was found for another platform"
  grep -q "there is no program for .* in the package.*HOBNOB_BIN" <<<"$said" || fail "for another platform Node says: $said"
)
python3 -m zipfile -e "$work"/packed/*-any.whl "$elsewhere/lib"
said=$(PATH=/usr/bin:/bin PYTHONPATH="$elsewhere/lib" "$(command -v python3)" -c 'import hobnob_test; hobnob_test.Hobnob()' 2>&1) && fail "a program was found for another platform"
grep -q "there is no program for .* in the package.*HOBNOB_BIN" <<<"$said" || fail "for another platform Python says: $said"

# Killed: the server goes, too.
gone() {
  for _ in $(seq 100); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  fail "a server is left behind ($2)"
}
node -e 'require("hobnob-test").startHobnob().then((chat) => { console.log(chat.pid); setTimeout(() => {}, 60000); })' >pid &
runner=$!
until [ -s pid ]; do sleep 0.05; done
kill -9 "$runner"
gone "$(cat pid)" "Node was killed"
py/bin/python -c 'import hobnob_test, time; print(hobnob_test.Hobnob().ready["pid"], flush=True); time.sleep(60)' >pid2 &
runner=$!
until [ -s pid2 ]; do sleep 0.05; done
kill -9 "$runner"
gone "$(cat pid2)" "Python was killed"

