#!/usr/bin/env bash
# Makes a release: the program (archive, Debian package, symbols), what is built in (SBOM), and checksums.
#
# usage: packaging/release.sh [--to DIR] [--target TRIPLE] [--binary FILE] [--check] [--check-binary]
#   --to            default: dist
#   --target        default: static (musl) where the toolchain has it, else this machine's own
#   --binary        packs this program instead of building one
#   --check         packs twice and compares, bit by bit
#   --check-binary  builds the program a second time, from a copy of the sources at another path, and compares
#
# The same sources, toolchain and target give the same files: times come from SOURCE_DATE_EPOCH (else the last commit), paths of
# this machine are not in them. Needs cargo, binutils, dpkg-deb, python3; for the static program musl-gcc (musl-tools).
set -euo pipefail
cd "$(dirname "$0")/.."

to=dist target="" binary="" check="" check_binary=""
while [ $# -gt 0 ]; do
  case "$1" in
    --to) to=$2; shift ;;
    --target) target=$2; shift ;;
    --binary) binary=$(realpath "$2"); shift ;;
    --check) check=yes ;;
    --check-binary) check_binary=yes ;;
    *) sed -n '4,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

host=$(rustc -vV | sed -n 's/^host: //p')
if [ -z "$target" ]; then
  static=${host/-gnu/-musl}
  sysroot=$(rustc --print sysroot)
  if [ -d "$sysroot/lib/rustlib/$static" ] && command -v musl-gcc >/dev/null; then target=$static; else target=$host; fi
fi
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export TZ=UTC LC_ALL=C
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
case "$target" in
  x86_64-*) arch=amd64 ;;
  aarch64-*) arch=arm64 ;;
  *) arch=${target%%-*} ;;
esac
name=hobnob-$version-$target
umask 022

# Builds in the sources at $1; gives the program with its symbols.
build() {
  local sources=$1 home=${CARGO_HOME:-$HOME/.cargo} out
  out=$(realpath -m "${CARGO_TARGET_DIR:-$sources/target}")
  local paths=("$out=/build" "$sources=/hobnob" "$home=/cargo" "$(rustc --print sysroot)=/rust")
  local flags="" c_flags="" path
  for path in "${paths[@]}"; do
    flags+=" --remap-path-prefix=$path"
    c_flags+=" -ffile-prefix-map=$path"
  done
  # The toolchain's own linker can tell functions that are the same, and keeps relocations short.
  local linker=$(rustc --print sysroot)/lib/rustlib/$host/bin/gcc-ld
  if [ -x "$linker/ld.lld" ]; then
    flags+=" -Clink-arg=-fuse-ld=lld -Clink-arg=-B$linker -Clink-arg=-Wl,--icf=all -Clink-arg=-Wl,-z,pack-relative-relocs"
  fi
  (cd "$sources" && RUSTFLAGS="$flags" CFLAGS="$c_flags" cargo build --locked --profile dist --target "$target" >&2)
  echo "$out/$target/dist/hobnob"
}

reset_times() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

# Packs the program $1 into the folder $2.
pack() {
  local program=$1 out=$2 work
  work=$(mktemp -d)
  rm -rf "$out"
  mkdir -p "$out"

  cp "$program" "$work/hobnob"
  objcopy --only-keep-debug "$work/hobnob" "$out/$name.debug"
  chmod 644 "$out/$name.debug"
  strip --strip-all "$work/hobnob"
  chmod 755 "$work/hobnob"

  mkdir -p "$work/tar/$name/systemd"
  cp "$work/hobnob" README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE docs/operations.md packaging/hobnob.env "$work/tar/$name/"
  cp packaging/systemd/* "$work/tar/$name/systemd/"
  tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu -C "$work/tar" -cf - "$name" \
    | gzip -9n > "$out/$name.tar.gz"

  if command -v dpkg-deb >/dev/null; then
    local root=$work/deb depends=""
    mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/usr/lib/systemd/system" "$root/etc/hobnob" "$root/usr/share/doc/hobnob"
    cp "$work/hobnob" "$root/usr/bin/"
    cp packaging/systemd/* "$root/usr/lib/systemd/system/"
    install -m 640 packaging/hobnob.env "$root/etc/hobnob/hobnob.env"
    cat LICENSE-MIT LICENSE-APACHE > "$root/usr/share/doc/hobnob/copyright"
    cp README.md docs/operations.md "$root/usr/share/doc/hobnob/"
    gzip -9n < CHANGELOG.md > "$root/usr/share/doc/hobnob/changelog.gz"
    for one in postinst prerm postrm; do install -m 755 "packaging/debian/$one" "$root/DEBIAN/$one"; done
    echo /etc/hobnob/hobnob.env > "$root/DEBIAN/conffiles"
    # The newest symbol that the program takes from the system's C library is the oldest version it runs with.
    case "$target" in
      *-gnu)
        local libc
        libc=$(objdump -T "$work/hobnob" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)
        depends="libc6 (>= ${libc#GLIBC_}), libgcc-s1, " ;;
    esac
    sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@DEPENDS@/$depends/" \
      -e "s/@SIZE@/$(du -sk --apparent-size "$root" | cut -f1)/" packaging/debian/control.in > "$root/DEBIAN/control"
    (cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\n' | sort | xargs -d '\n' md5sum > DEBIAN/md5sums)
    chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/conffiles" "$root/DEBIAN/md5sums"
    reset_times "$root"
    dpkg-deb --root-owner-group -Zxz --build "$root" "$out/hobnob_${version}_$arch.deb" >/dev/null
  else
    echo "SKIPPED: the Debian package, there is no dpkg-deb on this machine" >&2
  fi

  python3 packaging/sbom.py "$target" "$SOURCE_DATE_EPOCH" > "$out/$name.cdx.json"
  (cd "$out" && sha256sum -- * > SHA256SUMS)
  rm -rf "$work"
}

if [ -z "$binary" ]; then binary=$(build "$PWD"); fi
pack "$binary" "$to"
if [ -n "$check" ]; then
  again=$(mktemp -d)
  pack "$binary" "$again/dist"
  diff -r "$to" "$again/dist"
  rm -rf "$again"
  echo "packed twice: the same"
fi
if [ -n "$check_binary" ]; then
  copy=$(mktemp -d)
  git archive HEAD | tar -C "$copy" -x
  cmp "$binary" "$(CARGO_TARGET_DIR="$copy/target" build "$copy")"
  rm -rf "$copy"
  echo "built twice: the same"
fi
(cd "$to" && ls -l && sha256sum --quiet -c SHA256SUMS)
