#!/bin/sh
# make-layer.sh RECIPE SOURCES OUT.tar PARENT.tar…
#
# Makes what a recipe adds to its parents: unpacks them, installs the recipe's Debian packages, runs its scripts,
# and keeps the files that came or changed. Everything is fetched with this machine's own settings (mirrors, proxies,
# certificates, pip's configuration), and nothing of those stays in the layer.
set -eu
recipe=$1 sources=$2 out=$3
shift 3
work=$(mktemp -d "${TMPDIR:-/tmp}/brume-layer.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 777 "$work"
: > "$work/parents"
for parent in "$@"; do echo "$parent" >> "$work/parents"; done
here=$(cd "$(dirname "$0")" && pwd)
export BRUME_LAYER_WORK="$work" BRUME_LAYER_RECIPE="$recipe" BRUME_LAYER_SHARED="$here"
set -- --variant=custom --format=null \
    --setup-hook='sh "$BRUME_LAYER_SHARED/unpack-parents.sh" "$1"' \
    --customize-hook='sh "$BRUME_LAYER_SHARED/install-layer.sh" "$1"' \
    bookworm -
if [ -s "$sources" ]; then set -- "$@" "$sources"; fi
mmdebstrap "$@"
mv "$work/layer.tar" "$out.part.$$"
mv "$out.part.$$" "$out"
