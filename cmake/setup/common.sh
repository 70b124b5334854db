# Shared by the set-up scripts (sourced, not run): where downloads live, messages, one wheel fetched safely.
set -euo pipefail

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/headscope
SETUP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { echo "setup: $*"; }
fail() { # fail WHAT WAY_OUT
  echo "setup: error: $1" >&2
  echo "setup: way out: $2" >&2
  exit 1
}

# One set-up at a time in this cache: a second one waits, then finds the work done. What a killed run left
# half-finished is in .part.* folders, which only the holder of the lock may be writing.
lock_cache() {
  mkdir -p "$CACHE/wheels" 2>/dev/null || fail "cannot write $CACHE" "set XDG_CACHE_HOME to a folder you may write"
  exec 9>"$CACHE/.lock"
  flock -n 9 || { say "another set-up is at work in $CACHE: waiting"; flock 9; }
  rm -rf "$CACHE"/.part.* "$CACHE"/*/.part.*
}

need_space() { # need_space MEGABYTES FOR_WHAT
  local free
  free=$(($(df -Pk "$CACHE" | awk 'NR == 2 {print $4}') / 1024))
  [ "$free" -ge "$1" ] || fail "$2 needs $1 MB in $CACHE, where $free MB are free" \
    "free some space, or set XDG_CACHE_HOME to a folder on a larger disk"
}

sha256_is() { [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]; }

why_pip_failed() { # Without a network, pip's last word is only that it found no such package.
  if grep -q '^WARNING: Retrying' "$1"; then echo "no connection to the package index"; else tail -n 1 "$1"; fi
}

# fetch_wheel PACKAGE VERSION SHA256: sets $wheel to the checked file in $CACHE/wheels, from the network only if absent.
# The Python version and platforms are named, so that every system fetches the same file.
fetch_wheel() {
  local name=${1//-/_} part log tag platforms=() # pip takes each tag as is: older ones are not implied
  for tag in _2_28 _2_25 _2_17 2014; do platforms+=(--platform "manylinux${tag}_x86_64"); done
  wheel=$(find "$CACHE/wheels" -maxdepth 1 -name "$name-$2-*.whl" | head -n 1)
  if [ -n "$wheel" ]; then
    sha256_is "$wheel" "$3" && return
    say "$wheel is damaged: fetching it again"
    rm -f "$wheel"
  fi
  "$SETUP/packages" download
  say "downloading $1 $2"
  part=$(mktemp -d "$CACHE/wheels/.part.XXXXXX")
  log=$part/log
  TMPDIR=$part python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps \
    --only-binary=:all: "${platforms[@]}" --python-version 3.11 --implementation cp --abi cp311 --abi none \
    --retries 2 -d "$part/out" "$1==$2" >"$log" 2>&1 ||
    fail "pip could not download $1 $2: $(why_pip_failed "$log")" \
      "check the network (pip's own settings apply: proxy, index) and run make again; or put the wheel into $CACHE/wheels"
  wheel=$(find "$part/out" -name '*.whl' | head -n 1)
  sha256_is "$wheel" "$3" || fail "the sha256 of $(basename "$wheel") is not $3: not the file headscope was built for" \
    "run make again; if it stays so, the package index in use serves another file"
  mv "$wheel" "$CACHE/wheels/"
  wheel=$CACHE/wheels/$(basename "$wheel")
  rm -rf "$part"
}

drop_wheel() { # The unpacked files are all that is needed; HEADSCOPE_KEEP_WHEELS=1 keeps the wheels.
  [ -n "${HEADSCOPE_KEEP_WHEELS:-}" ] || rm -f "$wheel"
}

# unpack FOLDER MEMBER...: from $wheel, without their folders unless a member ends in /* .
unpack() {
  local to=$1 how=-jo
  shift
  mkdir -p "$to"
  [[ $1 == *'/*' ]] && how=-o
  unzip -q $how "$wheel" "$@" -d "$to" || fail "cannot unpack $wheel into $to" "free some space there and run make again"
}
