# For suites that drive Chromium; sourced with `here` (the suite's folder) set and the suite's arguments. Sets root, binary (built
# when none is named) and shots (empty: none wanted), and sees to it that Debian's Chromium is there.
root=$(cd "$here/../.." && pwd)
binary=${1:-}
if [ -z "$binary" ]; then
  binary=$root/target/release/hobnob
  [ -x "$binary" ] || (cd "$root" && cargo build --release)
fi
[ -x "$binary" ] || { echo "no server binary at $binary" >&2; exit 1; }
binary=$(realpath "$binary")
shots=${2:+$(realpath -m "$2")}
if [ ! -x /usr/bin/chromium ]; then
  [ "$(id -u)" -eq 0 ] || { echo "there is no /usr/bin/chromium: install it, or run this as root once" >&2; exit 1; }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
fi
