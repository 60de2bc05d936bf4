#!/bin/sh
# probe.sh TREE: finds out how machines of a tree run on this computer, by booting one, and notes it in the tree with the
# computer's own boot: "kvm BOOT" or "tcg,thread=multi BOOT". A device /dev/kvm alone proves nothing.
set -eu
tree=$1
boot=$(cat /proc/sys/kernel/random/boot_id)
if grep -q " $boot\$" "$tree/accelerator" 2> /dev/null; then exit; fi
accelerator=tcg,thread=multi
if [ -w /dev/kvm ] && timeout 5 qemu-system-x86_64 -M q35 -accel kvm -cpu max -m 256 \
    -nodefaults -no-user-config -display none -no-reboot -kernel "$tree/vmlinuz" -initrd "$tree/initrd.gz" \
    -append 'quiet panic=-1 brume.probe' > /dev/null 2>&1 < /dev/null; then
    accelerator=kvm
fi
echo "$accelerator $boot" > "$tree/accelerator.new"
mv "$tree/accelerator.new" "$tree/accelerator"
echo "virtual machines run with $accelerator"
