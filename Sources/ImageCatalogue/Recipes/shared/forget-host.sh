#!/bin/sh
# forget-host.sh ROOT: leaves nothing of the machine that made ROOT in it, save the mirrors' addresses.
set -eu
root=$1
# Ubuntu's systemd makes a link of it.
rm -f "$root/etc/resolv.conf"
: > "$root/etc/resolv.conf"
echo localhost > "$root/etc/hostname"
for list in "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*; do
    # Passwords in addresses stay here.
    if [ -f "$list" ]; then sed -i -E 's#(://)[^/ ]*@#\1#' "$list"; fi
done
