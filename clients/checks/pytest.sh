# The Python example, in one process and in two workers with a server each.
set -euo pipefail
cp -r "$here/examples/python/." .
python3 -m venv py
py/bin/pip install --quiet --disable-pip-version-check --find-links "$work/packed" -r requirements-dev.txt pytest-xdist==3.8.0
py/bin/pytest -q
py/bin/pytest -q -n 2
