#!/bin/sh
# make-base.sh RECIPE SOURCES OUT.tar
#
# Makes a root file system of Debian packages, with the package mirrors of this machine (SOURCES; an empty file
# stands for mmdebstrap's own default).
set -eu
recipe=$1 sources=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
packages=$(grep -v '^#' "$recipe/packages" | tr '\n' ',')
set -- --variant=minbase --format=tar --include="${packages%,}" \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook="$(cat "$here/forget-host.sh")" \
    bookworm "$out.part.$$"
if [ -s "$sources" ]; then set -- "$@" "$sources"; fi
mmdebstrap "$@"
mv "$out.part.$$" "$out"
