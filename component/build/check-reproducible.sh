#!/bin/sh
# Builds the last commit once more and compares all that it makes, byte for byte, with what the
# checkout has: artifacts, schemas, bill of materials, licences, wheel and sdist. The second build is
# elsewhere, deeper, and differs in whatever else should not matter.
# Usage: check-reproducible.sh PYTHON (its place in the checkout), after `make build`.
set -eu

python=$PWD/$1
first=$(pwd)
package=host-python
if [ -n "$(git status --porcelain)" ]; then
    echo "the checkout differs from its last commit, which is what is built: commit, or stash" >&2
    exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
second=$scratch/a/deeper/folder/ron
mkdir -p "$scratch/cargo"
for entry in "${CARGO_HOME:-$HOME/.cargo}"/*; do
    ln -s "$entry" "$scratch/cargo/"
done
git clone --quiet --no-hardlinks "$first" "$second"

pack() {
    "$python" -m build --no-isolation --outdir "$1" "$package" >"$scratch/pack.log" 2>&1 ||
        { cat "$scratch/pack.log" >&2; return 1; }
}
pack "$scratch/dist/first"
(
    cd "$second"
    export CARGO_HOME="$scratch/cargo" TZ=Asia/Kathmandu LC_ALL=C
    umask 077
    cargo run --quiet --release --locked -p ron-build >/dev/null
    rm schemas/*.json
    cargo run --quiet --locked -p ron-schemas >/dev/null
    PYTHONPATH=$package "$python" -m sbom >/dev/null
    pack "$scratch/dist/second"
)

digests() {
    (cd "$1" && find "$package/src/ron_app_sdk_py/artifacts" "$package/third-party" schemas \
        -type f | sort | xargs sha256sum)
    (cd "$2" && find . -type f | sort | xargs sha256sum)
}
digests "$first" "$scratch/dist/first" >"$scratch/first"
digests "$second" "$scratch/dist/second" >"$scratch/second"
if ! diff "$scratch/first" "$scratch/second"; then
    echo "the two builds of $(git rev-parse --short HEAD) differ: < in $first, > in $second" >&2
    exit 1
fi
cat "$scratch/first"
echo "two builds of $(git rev-parse --short HEAD) are the same: $(wc -l <"$scratch/first") files"
