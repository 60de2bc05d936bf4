# relocate.sh: for the scripts that make trees of programs which need nothing of the image they run in, not even a C library.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
missing=

# need PROGRAM PACKAGE: notes what is not installed.
need() { command -v "$1" > /dev/null 2>&1 || missing="$missing $2"; }

# demand WHAT: ends with the remedy when something is not installed.
demand() {
    if [ -z "$missing" ] && ldd "$(command -v busybox)" > /dev/null 2>&1; then missing=" busybox-static"; fi
    if [ -n "$missing" ]; then
        echo "$1 with tools that are not installed here: apt-get install$missing" >&2
        exit 1
    fi
}

# relocate TREE PLACE: brings the libraries of all programs in TREE/bin, and of what they load from folders in TREE/lib,
# and changes both to find their loader and libraries at PLACE/lib.
relocate() {
    loader=$(for program in "$1"/bin/*; do patchelf --print-interpreter "$program" 2> /dev/null || true; done | head -n 1)
    cp -L "$loader" "$1/lib/"
    for file in "$1"/bin/* "$1"/lib/*/*.so; do
        if [ -f "$file" ]; then ldd "$file" | sed -n -E 's/^.*=> (\/[^ ]+) .*$/\1/p'; fi
    done | sort -u | while read -r library; do cp -L "$library" "$1/lib/"; done
    # What the C library opens by itself, to look up names.
    libraries=$(dirname "$(readlink -f "$loader")")
    for library in "$libraries"/libnss_files.so.2 "$libraries"/libnss_dns.so.2; do
        if [ -e "$library" ]; then cp -L "$library" "$1/lib/"; fi
    done
    for program in "$1"/bin/*; do
        patchelf --set-interpreter "$2/lib/$(basename "$loader")" --set-rpath "$2/lib" --force-rpath "$program"
    done
    for library in "$1"/lib/*.so* "$1"/lib/*/*.so; do
        case ${library##*/} in
        ld-*) ;;
        *) if [ -f "$library" ]; then patchelf --set-rpath "$2/lib" --force-rpath "$library"; fi ;;
        esac
    done
}
