#!/usr/bin/env bash
# The packages: made twice and the same, complete, and the Debian one installs, keeps what people wrote, and purges.
# usage: tests/packages/run.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-target/release/hobnob}")
for tool in objcopy strip dpkg-deb python3 jq; do
  command -v "$tool" >/dev/null || { echo "SKIPPED: there is no $tool on this machine"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

host=$(rustc -vV | sed -n 's/^host: //p')
packaging/release.sh --binary "$binary" --target "$host" --to "$work/dist" --check
cd "$work/dist"

archive=$(ls ./*.tar.gz)
name=$(basename "$archive" .tar.gz)
mkdir "$work/unpacked"
tar -C "$work/unpacked" -xf "$archive"
"$work/unpacked/$name/hobnob" --version | grep -q '^hobnob ' || fail "the program in the archive does not run"
for file in README.md LICENSE-MIT operations.md hobnob.env systemd/hobnob.service; do
  [ -s "$work/unpacked/$name/$file" ] || fail "$file is not in the archive"
done
size=$(stat -c %s "$work/unpacked/$name/hobnob")
# Without link-time optimisation, which only the real release has, it is half as large again; and it holds the paths of the
# machine it was built on, however long they are.
[ "$size" -lt $((28 * 1024 * 1024)) ] || fail "the program has $size bytes"
if grep -qaF "$HOME/.cargo/registry" "$work/unpacked/$name/hobnob"; then
  # Only what release.sh builds itself has its paths taken out.
  echo "note: $binary names paths of this machine (not built by release.sh)"
fi

jq -e '.bomFormat == "CycloneDX" and (.components | length) > 50
  and all(.components[]; .purl and .licenses and .hashes)
  and (.metadata.component.name == "hobnob")
  and any(.components[]; .name == "rustls") and (any(.components[]; .name == "tempfile") | not)
  and (any(.components[]; .name == "h2") | not)' "$name.cdx.json" >/dev/null || fail "the SBOM is not as it should be"

unit="$work/unpacked/$name/systemd"
if command -v systemd-analyze >/dev/null; then
  mkdir -p "$work/root/usr/bin" "$work/root/bin" "$work/root/etc/systemd/system" "$work/root/usr/lib/systemd"
  # The units that ours name.
  cp -r /usr/lib/systemd/system "$work/root/usr/lib/systemd/"
  ln -s usr/lib "$work/root/lib"
  cp "$work/unpacked/$name/hobnob" "$work/root/usr/bin/"
  cp "$unit"/* "$work/root/etc/systemd/system/"
  cp /bin/kill "$work/root/bin/"
  said=$(systemd-analyze verify --root="$work/root" hobnob.service hobnob-http.socket hobnob-https.socket 2>&1) \
    && [ -z "$said" ] || fail "systemd-analyze verify: $said"
  systemd-analyze security --offline=true --threshold=25 "$unit/hobnob.service" | tail -1
else
  echo "SKIPPED: there is no systemd-analyze on this machine"
fi

deb=$(ls ./*.deb)
dpkg-deb --contents "$deb" > "$work/contents"
grep -q '/usr/lib/systemd/system/hobnob.service' "$work/contents" || fail "the unit is not in the package"
awk '$2 != "root/root" { print; bad = 1 } END { exit bad }' "$work/contents" || fail "files are not root's"
if [ "$(id -u)" != 0 ] || dpkg -s hobnob >/dev/null 2>&1 || getent passwd hobnob >/dev/null || [ -e /var/lib/hobnob ] || [ -e /usr/bin/hobnob ]; then
  echo "SKIPPED: installing the package: not root, or there is a hobnob on this machine"
  exit 0
fi
dpkg -i "$deb" >/dev/null
trap 'rm -rf "$work"; dpkg --purge hobnob >/dev/null 2>&1 || true' EXIT
getent passwd hobnob >/dev/null || fail "no user was made"
/usr/bin/hobnob --version >/dev/null
[ "$(stat -c '%a %U' /etc/hobnob/hobnob.env)" = '640 root' ] || fail "the settings are for everybody"
install -d -m 700 -o hobnob -g hobnob /var/lib/hobnob
touch /var/lib/hobnob/hobnob.db
dpkg -i "$deb" >/dev/null
dpkg --remove hobnob >/dev/null
[ -e /var/lib/hobnob/hobnob.db ] && [ -e /etc/hobnob/hobnob.env ] || fail "a removal took what people wrote"
[ ! -e /usr/bin/hobnob ] || fail "a removal left the program"
dpkg --purge hobnob >/dev/null 2>&1
[ ! -e /var/lib/hobnob ] && [ ! -e /etc/hobnob ] || fail "a purge left something"
! getent passwd hobnob >/dev/null || fail "a purge left the user"

# A user of that name whom somebody else made is used, and stays.
getent group hobnob >/dev/null || groupadd hobnob
useradd --gid hobnob --no-create-home --home-dir /nowhere hobnob
dpkg -i "$deb" >/dev/null && dpkg --purge hobnob >/dev/null 2>&1 || fail "a user who is there is in the way"
getent passwd hobnob >/dev/null || fail "a purge took a user of somebody else"
userdel hobnob

# Under systemd, whose control is played here: nothing starts, and the package is installed all the same; what was enabled when
# it was removed is started when it comes back.
if unshare --mount true 2>/dev/null; then
  dpkg-deb --control "$deb" "$work/control"
  mkdir "$work/play"
  printf '#!/bin/sh\necho "$*" >> "%s/asked"\n[ "$1" = is-enabled ] || exit 1\n[ "$3" = hobnob.service ]\n' "$work" > "$work/play/systemctl"
  printf '#!/bin/sh\nexit 0\n' | tee "$work/play/useradd" > "$work/play/groupadd"
  chmod +x "$work/play"/*
  for script in "postinst configure" "prerm remove" "postinst configure 0.0.1"; do
    set -- $script
    unshare --mount sh -c "mount -t tmpfs play /run && mkdir -p /run/systemd/system && PATH='$work/play':\$PATH sh '$work/control/$1' $2 ${3:-}" \
      2>/dev/null || fail "$script fails where nothing starts"
  done
  [ "$(tail -1 "$work/asked")" = 'restart hobnob.service' ] || fail "what was enabled does not start when it is installed again"
else
  echo "SKIPPED: the maintainer scripts under systemd: no mount namespaces here"
fi
echo "packages: all well"
