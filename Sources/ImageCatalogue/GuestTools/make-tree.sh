#!/bin/sh
# make-tree.sh OUT
#
# Makes the tree of programs that every machine gets to see at /.brume: OpenSSH's server, BusyBox, and the scripts that
# use them. Each program is changed to find its loader and its libraries in the tree, so that it needs nothing of the
# image it runs in, not even a C library.
set -eu
out=$1
here=${0%/*}
. "$here/relocate.sh"

need sshd openssh-server
need ssh-keygen openssh-client
need patchelf patchelf
need busybox busybox-static
demand "machines are reached"

tree=$out.part.$$
rm -rf "$tree"
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/bin" "$tree/lib" "$tree/libexec"
for program in sshd scp ssh-keygen chroot; do cp -L "$(command -v "$program")" "$tree/bin/$program"; done
for program in sftp-server sshd-session sshd-auth; do
    for folder in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh; do
        if [ -x "$folder/$program" ]; then cp -L "$folder/$program" "$tree/bin/$program"; fi
    done
done

relocate "$tree" /.brume
cp -L "$(command -v busybox)" "$tree/bin/busybox"
ln -s busybox "$tree/bin/sh"
# By these names the scripts call its parts, which its shell has in itself: most start no other program.
mkdir "$tree/applets"
for part in $(busybox --list); do ln -s ../bin/busybox "$tree/applets/$part"; done
cp -r "$here"/libexec/. "$tree/libexec/"
cp -r "$here/units" "$tree/units"
ln -s ../libexec/script-runner.sh "$tree/bin/google_metadata_script_runner"
chmod -R u=rwX,go=rX "$tree"
chmod 755 "$tree"/bin/* "$tree"/libexec/*.sh "$tree"/libexec/container/*
mv "$tree" "$out"
