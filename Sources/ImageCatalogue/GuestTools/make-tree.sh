#!/bin/sh
# make-tree.sh OUT
#
# Makes the tree of programs that every machine gets to see at /.brume: OpenSSH's server, BusyBox, and the scripts that
# use them. Each program is changed to find its loader and its libraries in the tree, so that it needs nothing of the
# image it runs in, not even a C library.
set -eu
out=$1
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C

missing=
need() { command -v "$1" > /dev/null 2>&1 || missing="$missing $2"; }
need sshd openssh-server
need ssh-keygen openssh-client
need patchelf patchelf
need busybox busybox-static
if [ -z "$missing" ] && ldd "$(command -v busybox)" > /dev/null 2>&1; then missing=" busybox-static"; fi
if [ -n "$missing" ]; then
    echo "machines are reached with tools that are not installed here: apt-get install$missing" >&2
    exit 1
fi

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

loader=$(patchelf --print-interpreter "$tree/bin/sshd")
cp -L "$loader" "$tree/lib/"
for program in "$tree"/bin/*; do
    ldd "$program" | sed -n -E 's/^.*=> (\/[^ ]+) .*$/\1/p'
done | sort -u | while read -r library; do cp -L "$library" "$tree/lib/"; done
# What the C library opens by itself, to look up names.
libraries=$(dirname "$(ldd "$tree/bin/sshd" | sed -n -E 's/^.*libc\.so\.6 => (\/[^ ]+) .*$/\1/p')")
for library in "$libraries"/libnss_files.so.2 "$libraries"/libnss_dns.so.2; do
    if [ -e "$library" ]; then cp -L "$library" "$tree/lib/"; fi
done

for program in "$tree"/bin/*; do
    patchelf --set-interpreter "/.brume/lib/$(basename "$loader")" --set-rpath /.brume/lib --force-rpath "$program"
done
for library in "$tree"/lib/*; do
    case ${library##*/} in
    ld-*) ;;
    *) patchelf --set-rpath /.brume/lib --force-rpath "$library" ;;
    esac
done
cp -L "$(command -v busybox)" "$tree/bin/busybox"
ln -s busybox "$tree/bin/sh"
cp -r "$here"/libexec/. "$tree/libexec/"
chmod -R u=rwX,go=rX "$tree"
chmod 755 "$tree"/bin/* "$tree"/libexec/*.sh "$tree"/libexec/container/*
mv "$tree" "$out"
