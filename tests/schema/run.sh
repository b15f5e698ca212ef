#!/usr/bin/env bash
# Throws generated requests, valid and not, at every operation of /openapi.json: no 5xx, nothing the description does
# not allow. Bounded by the number of examples. Needs python3; installs schemathesis into a folder of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${1:-$here/../../target/release/hobnob}")
cd "$here"
venv=.venv
if [ ! -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==4.32.5"
fi

data=$(mktemp -d)
"$binary" serve --data "$data" --http 127.0.0.1:0 --https off >"$data/out.txt" 2>"$data/err.txt" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 100); do
  address=$(grep -o 'http://127[0-9.:]*' "$data/out.txt" | head -1 || true)
  [ -n "$address" ] && break
  sleep 0.1
done
[ -n "$address" ] || { cat "$data/err.txt"; exit 1; }

key=$("$binary" app create schema --data "$data" --json | sed 's/.*"apiKey":"\([^"]*\)".*/\1/')
call() { curl -sf -o /dev/null -H "apikey: $key" "$@"; }
call "$address/v3/users" -d '{"uid":"ann","name":"Ann"}'
call "$address/v3/users" -d '{"uid":"bob","name":"Bob"}'
call "$address/v3/groups" -d '{"guid":"team","name":"Team","type":"public","owner":"ann"}'
call "$address/v3/messages" -H 'onBehalfOf: ann' -d '{"receiver":"bob","receiverType":"user","data":{"text":"hi"}}'

# Once as the app, once for a user. Operations that end the user or the key would end the run.
common=(run "$address/openapi.json" --url "$address/v3" --header "apikey: $key"
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
  --phases examples,coverage,fuzzing --max-examples "${SCHEMA_EXAMPLES:-15}" --seed 1 --no-shrink --request-timeout 10
  --suppress-health-check all --warnings off)
"$venv/bin/schemathesis" "${common[@]}" --exclude-operation-id flush-authtokens
"$venv/bin/schemathesis" "${common[@]}" --header "onBehalfOf: ann" --exclude-method DELETE

if grep -E 'ERROR hobnob|panicked' "$data/err.txt"; then
  echo "the server logged errors"
  exit 1
fi
kill -0 $server
