#!/usr/bin/env bash
# The proxy blocks of README.md, as they stand there, in front of a real server: API, files, pages, and a socket below a
# path. usage: run.sh path/to/hobnob. Proxies that are not there, and cannot be installed, are skipped with a word.
set -euo pipefail
cd "$(dirname "$0")/../.."
hobnob=$(realpath "${1:-target/debug/hobnob}")
work=$(mktemp -d)
pids=()
cleanup() { for pid in "${pids[@]:-}"; do [ -n "$pid" ] && kill "$pid" 2>/dev/null; done; wait 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT

free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });'; }
have() { command -v "$1" >/dev/null || { [ "$(id -u)" = 0 ] && apt-get install -y -q "$1" >/dev/null 2>&1 && command -v "$1" >/dev/null; }; }
# The n-th block of this language in the README.
block() { awk -v lang="$1" -v n="$2" '$0 == "```" lang { k++; on = (k == n); next } /^```$/ { on = 0 } on' README.md; }
until_up() { for _ in $(seq 100); do curl -s -o /dev/null --noproxy '*' "$1" && return; sleep 0.1; done; echo "$1 does not come up" >&2; exit 1; }

try() { # name, port of the proxy, port of the server
  local name=$1 front=$2 back=$3 base="http://127.0.0.1:$2/chat" data="$work/$1-data"
  "$hobnob" serve --demo --data "$data" --http "127.0.0.1:$back" --https off --public-host "$base" > "$work/$name.out" 2>&1 &
  pids+=($!)
  until_up "http://127.0.0.1:$back/health"
  until_up "$base/health"
  local app key auth
  app=$(awk '/app id/ {print $3}' "$work/$name.out"); key=$(awk '/REST API key/ {print $4}' "$work/$name.out")
  auth=$(awk '/auth key/ {print $3}' "$work/$name.out")
  BASE=$base APP=$app KEY=$key AUTH=$auth node --experimental-websocket tests/proxy/try.mjs
  echo "$name: ok"
}

if have nginx; then
  front=$(free_port); back=$(free_port)
  mkdir -p "$work/nginx"
  {
    echo "daemon off; pid $work/nginx/pid; error_log stderr; events {}"
    echo "http { access_log off; client_body_temp_path $work/nginx/body; proxy_temp_path $work/nginx/proxy;"
    echo "fastcgi_temp_path $work/nginx/f; uwsgi_temp_path $work/nginx/u; scgi_temp_path $work/nginx/s;"
    block nginx 1
    echo "server { listen 127.0.0.1:$front;"
    block nginx 2 | sed "s/127.0.0.1:8080/127.0.0.1:$back/"
    echo "} }"
  } > "$work/nginx/conf"
  nginx -c "$work/nginx/conf" 2> "$work/nginx/log" &
  pids+=($!)
  try nginx "$front" "$back"
else
  echo "SKIPPED: nginx is not installed."
fi

if have caddy; then
  front=$(free_port); back=$(free_port)
  {
    echo "{"; echo "admin off"; echo "}"
    echo "http://127.0.0.1:$front {"
    block caddy 1 | sed "s/127.0.0.1:8080/127.0.0.1:$back/"
    echo "}"
  } > "$work/Caddyfile"
  HOME=$work caddy run --config "$work/Caddyfile" --adapter caddyfile 2> "$work/caddy.log" &
  pids+=($!)
  try caddy "$front" "$back"
else
  echo "SKIPPED: caddy is not installed."
fi

# The official client through both, with TLS, at the root and below a path.
tests/sdk/run.sh "$hobnob" proxied.mjs
