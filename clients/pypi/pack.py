"""Packs the client with the program for one platform into a wheel:

    python pack.py PROGRAM [--tag manylinux_2_28_x86_64] [--to FOLDER]

Without PROGRAM it is the wheel for all platforms that have none of their own, where HOBNOB_BIN names the program.

A wheel is a zip with a list of what is in it; making it here needs no build tools.
"""

import argparse
import base64
import hashlib
import re
import sysconfig
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
asked = argparse.ArgumentParser()
asked.add_argument("program", type=Path, nargs="?")
asked.add_argument("--tag", default=re.sub(r"[-.]", "_", sysconfig.get_platform()))
asked.add_argument("--to", type=Path, default=Path("packed"))
given = asked.parse_args()
tag = given.tag if given.program else "any"

project = (HERE / "pyproject.toml").read_text(encoding="utf-8")
version = re.search(r'^version = "(.+)"$', project, re.M).group(1)
info = f"hobnob_test-{version}.dist-info"
files: dict[str, tuple[bytes, int]] = {}
for path in sorted((HERE / "src").rglob("*")):
    if path.is_file() and "__pycache__" not in path.parts and "bin" not in path.parts:
        files[path.relative_to(HERE / "src").as_posix()] = (path.read_bytes(), 0o644)
if given.program:
    program = "hobnob.exe" if tag.startswith("win") else "hobnob"
    files[f"hobnob_test/bin/{program}"] = (given.program.read_bytes(), 0o755)
metadata = f"Metadata-Version: 2.1\nName: hobnob-test\nVersion: {version}\nRequires-Python: >=3.9\n"
metadata += "Description-Content-Type: text/markdown\n\n" + (HERE / "README.md").read_text(encoding="utf-8")
files[f"{info}/METADATA"] = (metadata.encode(), 0o644)
wheel = f"Wheel-Version: 1.0\nGenerator: pack.py\nRoot-Is-Purelib: {str(not given.program).lower()}\nTag: py3-none-{tag}\n"
files[f"{info}/WHEEL"] = (wheel.encode(), 0o644)
files[f"{info}/entry_points.txt"] = (b"[pytest11]\nhobnob_test = hobnob_test.plugin\n", 0o644)
record = ""
for name, (content, _) in files.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    record += f"{name},sha256={digest},{len(content)}\n"
files[f"{info}/RECORD"] = (f"{record}{info}/RECORD,,\n".encode(), 0o644)

given.to.mkdir(parents=True, exist_ok=True)
made = given.to / f"hobnob_test-{version}-py3-none-{tag}.whl"
with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
    for name, (content, mode) in files.items():
        # The same bytes each time.
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        out.writestr(entry, content)
print(made)
