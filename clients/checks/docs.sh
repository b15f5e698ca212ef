# The code on the page about tests is out of the examples.
set -euo pipefail
node "$here/checks/quotes.mjs" "$here/../docs/testing.md" "$here/.."
