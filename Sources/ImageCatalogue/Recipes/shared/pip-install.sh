#!/bin/sh
# pip-install.sh ROOT REQUIREMENTS
#
# Installs Python packages for all users of ROOT, with this machine's pip settings: its variables PIP_*, its
# configuration files, its certificates, and its folders of wheels. A torch wheel for processors alone (+cpu) that
# lies in such a folder is taken before any torch of the index, which may carry gigabytes for accelerators.
set -eu
root=$1 requirements=$2
build=$root/run/brume-build
mkdir -p "$build/home/.config/pip" "$build/wheels" "$build/cache"
cp "$requirements" "$build/requirements"
cp /etc/pip.conf "$build/etc-pip.conf" 2>/dev/null || : > "$build/etc-pip.conf"
for file in "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" "$HOME/.pip/pip.conf" "${PIP_CONFIG_FILE:-}"; do
    if [ -n "$file" ] && [ -f "$file" ]; then cat "$file" >> "$build/home/.config/pip/pip.conf"; fi
done
certificates=${PIP_CERT:-${REQUESTS_CA_BUNDLE:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}}
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "$certificates" "$build/ca.crt" 2>/dev/null || true

# Folders of wheels: of the variable, and of the configuration files.
links=${PIP_FIND_LINKS:-}
links="$links $(sed -n -E 's/^[[:space:]]*find-links[[:space:]]*=[[:space:]]*//p' "$build/etc-pip.conf" \
    "$build/home/.config/pip/pip.conf" | tr '\n' ' ')"
remote=
for link in $links; do
    case $link in
    *://*) remote="$remote $link" ;;
    *) for name in $(grep -v '^#' "$requirements" | sed -E 's/[^A-Za-z0-9_.-].*//'); do
        for wheel in "$link/$(echo "$name" | tr - _)"-*.whl; do
            if [ -f "$wheel" ] && [ ! -e "$build/wheels/${wheel##*/}" ]; then cp --reflink=auto "$wheel" "$build/wheels/"; fi
        done
    done ;;
    esac
done
for wheel in "$build"/wheels/torch-*+cpu-*.whl; do
    if [ -f "$wheel" ]; then
        version=${wheel##*/torch-}
        sed -i -E "s/^torch$/torch==${version%%-*}/" "$build/requirements"
    fi
done

inside=/run/brume-build
chroot "$root" env HOME=$inside/home XDG_CONFIG_HOME=$inside/home/.config PIP_CONFIG_FILE=$inside/etc-pip.conf \
    PIP_FIND_LINKS="$inside/wheels$remote" PIP_CERT=$inside/ca.crt SSL_CERT_FILE=$inside/ca.crt \
    REQUESTS_CA_BUNDLE=$inside/ca.crt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_PROGRESS_BAR=off \
    python3 -m pip install --no-cache-dir --no-compile --requirement $inside/requirements
chroot "$root" python3 -m compileall -q -j 0 /usr/local/lib/python3.11/dist-packages || true
rm -rf "$build"
