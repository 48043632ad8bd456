#!/bin/sh
# Makes sure that everything is here that the build and the tests call. Prints nothing if it is.
# On a Debian machine, root installs what is missing; elsewhere the message says what to install.
set -eu

missing=""
want() { missing="$missing $*"; }
has() { command -v "$1" >/dev/null 2>&1; }

has cc || want gcc libc6-dev
has cargo || want cargo-web
has rustc || want rustc-web
{ has cargo && cargo clippy --version >/dev/null 2>&1; } || want rust-web-clippy
{ has cargo && cargo fmt --version >/dev/null 2>&1; } || want rustfmt-web

target=wasm32-unknown-unknown
if ! { has rustc && [ -d "$(rustc --print target-libdir --target $target 2>/dev/null)" ]; }; then
    if ! { [ -x /usr/bin/rustc ] && has wasm-ld-22 \
        && [ -f "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]; }; then
        want rustc-web rust-web-src lld-22
    fi
fi

has wasm-opt || want binaryen

python=${PYTHON:-python3}
has "$python" || want python3
"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || want python3-venv

for extra in "$@"; do
    has "$extra" || [ -x "/usr/sbin/$extra" ] || want "$extra"
done

[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && has apt-get; then
    echo "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    timeout 300 apt-get -qq update
    # shellcheck disable=SC2086 # a list of packages
    timeout 900 apt-get -qq install -y --no-install-recommends $missing >/dev/null
else
    echo "these Debian packages, or their like, are missing:$missing" >&2
    echo "(where rustup can download it, 'rustup target add $target' serves instead of rustc-web, rust-web-src and lld-22)" >&2
    exit 1
fi
