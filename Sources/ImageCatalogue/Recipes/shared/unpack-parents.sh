#!/bin/sh
# unpack-parents.sh ROOT: a hook of make-layer.sh; runs before the packages' lists are fetched.
set -eu
root=$1
work=$BRUME_LAYER_WORK
apt=$root/run/brume-apt
mkdir -p "$apt"
cp -a "$root/etc/apt/sources.list.d" "$apt/"
if [ -f "$root/etc/apt/sources.list" ]; then cp "$root/etc/apt/sources.list" "$apt/"; fi
# Several archives, one after the other; mmdebstrap brings the devices.
tar -C "$root" --ignore-zeros --exclude='./dev/*' --xattrs --xattrs-include='*' --numeric-owner -xf "$work/parents.tar"
cp -a "$apt/." "$root/etc/apt/"
rm -rf "$apt"
# The system takes the time of a change in steps of some milliseconds; two of them apart, "newer" is certain.
sleep 0.1
touch "$work/unpacked"
sleep 0.1
