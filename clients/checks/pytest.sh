# The Python client's own tests; the Python example, in one process and in two workers with a server each.
set -euo pipefail
python3 -m venv py
pip() { py/bin/pip install --quiet --disable-pip-version-check --find-links "$work/packed" "$@"; }
pip --no-index hobnob-test
py/bin/python "$here/pypi/tests/test_client.py"
cp -r "$here/examples/python/." .
pip -r requirements-dev.txt pytest-xdist==3.8.0
py/bin/pytest -q
py/bin/pytest -q -n 2
