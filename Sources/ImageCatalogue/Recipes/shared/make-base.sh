#!/bin/sh
# make-base.sh RECIPE SUITE SOURCES OUT.tar
#
# Makes a root file system of a distribution's packages: SUITE (bookworm, noble, …) of the mirrors in SOURCES; an empty
# file stands for mmdebstrap's own default.
set -eu
recipe=$1 suite=$2 sources=$3 out=$4
here=$(cd "$(dirname "$0")" && pwd)
trap 'rm -f "$out.part.$$"' EXIT
packages=$(grep -v '^#' "$recipe/packages" | tr '\n' ',')
# Not all releases say by themselves that /bin is /usr/bin; for those that do, it is so already.
set -- --variant=minbase --format=tar --include="${packages%,}" \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --setup-hook='for name in bin sbin lib lib64; do mkdir -p "$1/usr/$name"; [ -L "$1/$name" ] || ln -s "usr/$name" "$1/$name"; done' \
    --customize-hook="$(cat "$here/forget-host.sh")" \
    "$suite" "$out.part.$$"
if [ -s "$sources" ]; then set -- "$@" "$sources"; fi
mmdebstrap "$@"
mv "$out.part.$$" "$out"
