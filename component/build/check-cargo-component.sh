#!/bin/sh
# Builds the client with cargo-component too and compares the WIT of both artifacts.
set -eu

if ! cargo component --version >/dev/null 2>&1; then
    echo "cargo-component is not installed: cargo install cargo-component --version 0.21.1 --locked" >&2
    exit 1
fi

target=wasm32-unknown-unknown
set -- --package ron-client --profile guest --target $target --target-dir target/cargo-component
if [ ! -d "$(rustc --print target-libdir --target $target)" ]; then
    # As component/build/src/toolchain.rs does.
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22
    export CARGO_UNSTABLE_BUILD_STD=std,panic_abort
fi
cargo component build "$@"
# It writes bindings of its own, which the crate does not use.
rm -f component/client/src/bindings.rs

ours=target/ron_client.wasm
theirs=target/cargo-component/$target/guest/ron_client.wasm
unset RUSTC RUSTC_BOOTSTRAP CARGO_UNSTABLE_BUILD_STD
cargo run --quiet --release --locked -p ron-build -- compare "$ours" "$theirs"
