# fetch.sh ROOT: Docker's client: this machine's when it needs no libraries (it then fits the machine's engine), else
# the one of Debian's package.
set -eu
root=$1
client=$(command -v docker || true)
if [ -n "$client" ] && ! LC_ALL=C ldd "$client" > /dev/null 2>&1; then
    install -m 755 "$(readlink -f "$client")" "$root/usr/bin/docker"
else
    folder=$(mktemp -d)
    (cd "$folder" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q download docker.io)
    dpkg-deb --fsys-tarfile "$folder"/docker.io_*.deb | tar -C "$root" -xf - ./usr/bin/docker
    rm -rf "$folder"
fi
