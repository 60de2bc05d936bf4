#!/bin/sh
# make-tree.sh OUT
#
# Makes the tree of programs that virtual machines get to see at /.brume-vm: QEMU, virtiofsd and ssh, changed to find
# their libraries in the tree; Debian's kernel for clouds, and a first file system for it.
set -eu
out=$1
here=${0%/*}
. "$here/../GuestTools/relocate.sh"

if [ "$(uname -m)" != x86_64 ]; then
    echo "virtual machines are made for x86_64 alone; this is $(uname -m)" >&2
    exit 1
fi
virtiofsd=
for file in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do if [ -x $file ]; then virtiofsd=$file; fi; done
need qemu-system-x86_64 qemu-system-x86
need ssh openssh-client
need patchelf patchelf
need busybox busybox-static
need dpkg-deb dpkg
need depmod kmod
[ -n "$virtiofsd" ] || missing="$missing virtiofsd"
demand "virtual machines are run"

tree=$out.part.$$
work=$(mktemp -d "${TMPDIR:-/tmp}/brume-kernel.XXXXXX")
rm -rf "$tree"
trap 'rm -rf "$tree" "$work"' EXIT
mkdir -p "$tree/bin" "$tree/lib/qemu" "$tree/libexec" "$tree/firmware"

for program in qemu-system-x86_64 ssh; do cp -L "$(command -v "$program")" "$tree/bin/$program"; done
cp -L "$virtiofsd" "$tree/bin/virtiofsd"
for module in /usr/lib/*/qemu/accel-tcg-x86_64.so; do if [ -e "$module" ]; then cp -L "$module" "$tree/lib/qemu/"; fi; done
# The firmware that QEMU would find: where two folders have a file, the first one's.
for file in bios-256k.bin linuxboot_dma.bin kvmvapic.bin; do
    for folder in /usr/share/qemu /usr/share/seabios; do
        if [ -e "$folder/$file" ] && [ ! -e "$tree/firmware/$file" ]; then cp -L "$folder/$file" "$tree/firmware/"; fi
    done
done
relocate "$tree" /.brume-vm

# The kernel is unpacked, not installed: this machine keeps the one it has.
cd "$work"
lists=
apt-cache show linux-image-cloud-amd64 > /dev/null 2>&1 || {
    mkdir -p lists/partial
    lists="-o Dir::State::lists=$work/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
    # shellcheck disable=SC2086
    apt-get -q $lists update
}
# shellcheck disable=SC2086
package=$(apt-cache $lists depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
# shellcheck disable=SC2086
apt-get -q $lists -o APT::Sandbox::User=root download "$package"
mkdir kernel
dpkg-deb --fsys-tarfile "$package"_*.deb | tar -C kernel -xf - ./boot ./lib/modules
cp kernel/boot/vmlinuz-* "$tree/vmlinuz"

# What the machine's programs may ask the kernel for later: file systems, filters of packets.
release=$(ls kernel/lib/modules)
depmod -b "$work/kernel" "$release"
cp -r "kernel/lib/modules/$release" "$tree/modules"

# The first file system: BusyBox, and the modules by which the kernel sees the machine's hardware, in their order.
mkdir -p first/bin first/modules
cp -L "$(command -v busybox)" first/bin/busybox
for part in $(busybox --list); do [ "$part" = busybox ] || ln -s busybox "first/bin/$part"; done
cp "$here/init" first/init
chmod 755 first/init
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_mmio failover net_failover \
    virtio_net virtio_console fuse virtiofs; do
    file=$(find kernel/lib/modules -name "$module.ko*" | head -n 1)
    if [ -z "$file" ]; then continue; fi  # Part of the kernel.
    case $file in
    *.xz) xz -dc "$file" > "first/modules/$module.ko" ;;
    *.zst) zstd -qdc "$file" > "first/modules/$module.ko" ;;
    *) cp "$file" "first/modules/$module.ko" ;;
    esac
    echo "$module.ko" >> first/modules/order
done
(cd first && find . | busybox cpio -o -H newc 2> /dev/null | gzip -1) > "$tree/initrd.gz"

cp "$here"/libexec/* "$tree/libexec/"
chmod -R u=rwX,go=rX "$tree"
chmod 755 "$tree"/bin/* "$tree"/libexec/*.sh
mv "$tree" "$out"
