# The client's own tests.
set -euo pipefail
python3 -m venv py
py/bin/pip install --quiet --no-index --disable-pip-version-check --find-links "$work/packed" hobnob-test
cp "$here/pypi/tests/test_client.py" .
py/bin/python -m unittest test_client
