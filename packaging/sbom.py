#!/usr/bin/env python3
"""What is built in, as CycloneDX 1.5 (JSON), to standard output: the crates of this target, their licences and digests.

usage: sbom.py TARGET SECONDS   (SECONDS: the time it names, Unix)

The set is cargo's own (`cargo tree`), since `cargo metadata` also names crates of features that are off.
"""

import datetime
import json
import re
import subprocess
import sys
import tomllib
import uuid

target, seconds = sys.argv[1], int(sys.argv[2])


def cargo(*args):
    return subprocess.run(["cargo", *args], check=True, capture_output=True, text=True).stdout


tree = cargo("tree", "--locked", "-e", "normal", "--target", target, "--prefix", "none", "--format", "{p}")
built = set(re.findall(r"^(\S+) v(\S+)", tree, re.M))
metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target))
with open("Cargo.lock", "rb") as file:
    digests = {(one["name"], one["version"]): one.get("checksum") for one in tomllib.load(file)["package"]}

packages = {one["id"]: one for one in metadata["packages"] if (one["name"], one["version"]) in built}
root = packages[metadata["resolve"]["root"]]


def purl(one):
    return f"pkg:cargo/{one['name']}@{one['version']}"


def component(one, kind):
    found = {"type": kind, "bom-ref": purl(one), "name": one["name"], "version": one["version"], "purl": purl(one)}
    if one["license"]:
        found["licenses"] = [{"expression": one["license"].replace("/", " OR ")}]
    digest = digests.get((one["name"], one["version"]))
    if digest:
        found["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return found


def needs(node):
    kinds = [one["pkg"] for one in node["deps"] if any(kind["kind"] is None for kind in one["dep_kinds"])]
    return sorted(purl(packages[one]) for one in kinds if one in packages)


others = sorted((one for one in packages.values() if one is not root), key=purl)
bom = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {
        "timestamp": datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "component": component(root, "application"),
    },
    "components": [component(one, "library") for one in others],
    "dependencies": sorted(
        ({"ref": purl(packages[node["id"]]), "dependsOn": needs(node)} for node in metadata["resolve"]["nodes"] if node["id"] in packages),
        key=lambda one: one["ref"],
    ),
}
# The same content has the same number.
bom["serialNumber"] = "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bom, sort_keys=True)))
json.dump(bom, sys.stdout, indent=1, sort_keys=True)
print()
