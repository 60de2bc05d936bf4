# make.sh OUT.tar: a system of one program, this machine's static BusyBox.
set -eu
out=$1
program=$(command -v busybox) || { echo "busybox is not installed: apt-get install busybox-static" >&2; exit 1; }
if LC_ALL=C ldd "$program" > /dev/null 2>&1; then
    echo "$program needs libraries: apt-get install busybox-static" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/bin" "$folder/etc" "$folder/root" "$folder/tmp" "$folder/var"
chmod 755 "$folder"
chmod 1777 "$folder/tmp"
install -m 755 "$(readlink -f "$program")" "$folder/bin/busybox"
for applet in $("$program" --list); do
    if [ "$applet" != busybox ]; then ln -s busybox "$folder/bin/$applet"; fi
done
echo 'root:x:0:0:root:/root:/bin/sh' > "$folder/etc/passwd"
echo 'root:x:0:' > "$folder/etc/group"
tar -C "$folder" --numeric-owner --owner=0 --group=0 -cf "$out.part.$$" .
mv "$out.part.$$" "$out"
