#!/bin/sh
# make-layer.sh RECIPE SUITE SOURCES OUT.tar PARENT.tar…
#
# Makes what a recipe adds to its parents: unpacks them, installs the recipe's packages of SUITE, runs its scripts,
# and keeps the files that came or changed. Everything is fetched with this machine's own settings (mirrors, proxies,
# certificates, pip's configuration), and nothing of those stays in the layer.
set -eu
recipe=$1 suite=$2 sources=$3 out=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/brume-layer.XXXXXX")
trap 'kill "$feeder" 2> /dev/null || true; rm -rf "$work"' EXIT
chmod 777 "$work"
# Where an ordinary user makes the image, the hooks run as another one, to whom this user's home may be closed: what they
# read lies in $work, and the parents come through a pipe.
cp -r "$recipe" "$work/recipe"
cp -r "$here" "$work/shared"
chmod -R a+rX "$work/recipe" "$work/shared"
mkfifo -m 666 "$work/parents.tar"
cat "$@" > "$work/parents.tar" &
feeder=$!
export BRUME_LAYER_WORK="$work" BRUME_LAYER_RECIPE="$work/recipe" BRUME_LAYER_SHARED="$work/shared"
set -- --variant=custom --format=null \
    --setup-hook='sh "$BRUME_LAYER_SHARED/unpack-parents.sh" "$1"' \
    --customize-hook='sh "$BRUME_LAYER_SHARED/install-layer.sh" "$1"' \
    "$suite" -
if [ -s "$sources" ]; then set -- "$@" "$sources"; fi
mmdebstrap "$@"
mv "$work/layer.tar" "$out.part.$$"
mv "$out.part.$$" "$out"
