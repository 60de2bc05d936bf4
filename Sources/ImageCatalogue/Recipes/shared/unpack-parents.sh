#!/bin/sh
# unpack-parents.sh ROOT: a hook of make-layer.sh; runs before the packages' lists are fetched.
set -eu
root=$1
work=$BRUME_LAYER_WORK
mkdir "$work/apt"
cp -a "$root/etc/apt/sources.list.d" "$work/apt/"
if [ -f "$root/etc/apt/sources.list" ]; then cp "$root/etc/apt/sources.list" "$work/apt/"; fi
while read -r parent; do
    tar -C "$root" --xattrs --xattrs-include='*' --numeric-owner -xf "$parent"
done < "$work/parents"
cp -a "$work/apt/." "$root/etc/apt/"
# The system takes the time of a change in steps of some milliseconds; two of them apart, "newer" is certain.
sleep 0.1
touch "$work/unpacked"
sleep 0.1
