#!/bin/sh
# install-layer.sh ROOT: a hook of make-layer.sh; installs the recipe's parts and packs what came or changed.
set -eu
root=$1
recipe=$BRUME_LAYER_RECIPE
work=$BRUME_LAYER_WORK

if [ -s "$recipe/packages" ]; then
    # shellcheck disable=SC2046
    APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --no-install-recommends \
        -o DPkg::Chroot-Directory="$root" -o Dpkg::Use-Pty=0 -q install $(grep -v '^#' "$recipe/packages")
fi
if [ -f "$recipe/fetch.sh" ]; then sh "$recipe/fetch.sh" "$root"; fi
if [ -f "$recipe/requirements" ]; then sh "$BRUME_LAYER_SHARED/pip-install.sh" "$root" "$recipe/requirements"; fi
if [ -f "$recipe/setup.sh" ]; then chroot "$root" sh -eu -s < "$recipe/setup.sh"; fi

sh "$BRUME_LAYER_SHARED/forget-host.sh" "$root"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb \
    "$root"/var/log/dpkg.log "$root"/var/log/apt/* "$root"/var/log/alternatives.log \
    "$root"/var/cache/ldconfig/aux-cache
# Left out besides what belongs to a running system: what mmdebstrap puts in place of the real file while it works.
cd "$root"
find . -xdev \
    \( -path ./dev -o -path ./proc -o -path ./sys -o -path ./run -o -path ./tmp -o -path './etc/apt/apt.conf.d/*mmdebstrap*' \
    -o -path './usr/sbin/start-stop-daemon*' -o -path './sbin/start-stop-daemon*' -o -path ./usr/sbin/policy-rc.d \
    -o -path ./etc/resolv.conf -o -path ./etc/hostname -o -path ./var/lib/apt/lists \) -prune \
    -o \( -cnewer "$work/unpacked" -print0 \) |
    tar --null --no-recursion --xattrs --xattrs-include='*' --numeric-owner --files-from=- -cf "$work/layer.tar"
