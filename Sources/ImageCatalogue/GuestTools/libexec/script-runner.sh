#!/.brume/bin/sh
# google_metadata_script_runner startup|shutdown: runs the script that the metadata names, the instance's own or else the
# project's, as the program of this name in Google's images does. What it says goes to its output and to the serial port.
#
# See https://docs.cloud.google.com/compute/docs/instances/startup-scripts/linux
set -u
set -o pipefail
B=/.brume/bin/busybox
kind=${1:-}
case $kind in
startup | shutdown) ;;
*) echo "google_metadata_script_runner: say 'startup' or 'shutdown'" >&2; exit 2 ;;
esac
if [ "$($B id -u)" != 0 ]; then echo "google_metadata_script_runner: only root runs the scripts" >&2; exit 1; fi
console=/proc/1/fd/1
[ -c /dev/console ] && console=/dev/console

# ask PATH: what the metadata server has there. (With a limit of its own, -T, Debian's wget of BusyBox crashes.)
ask() {
    $B timeout 10 $B wget -q -Y off -O - --header 'Metadata-Flavor: Google' \
        "http://${GCE_METADATA_HOST:-169.254.169.254}/computeMetadata/v1/$1"
}

# fetch URL FILE: with the machine's own account, where it is an object of Cloud Storage.
fetch() {
    url=$1 file=$2 token=
    case $url in gs://*) url=https://storage.googleapis.com/${url#gs://} ;; esac
    host=${url#https://}
    case ${host%%/*} in
    storage.googleapis.com | *.storage.googleapis.com)
        token=$(ask instance/service-accounts/default/token 2> /dev/null |
            $B sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p')
        ;;
    esac
    set --
    [ -z "$token" ] || set -- --header "Authorization: Bearer $token"
    if command -v curl > /dev/null; then
        curl -fsSL "$@" -o "$file" "$url"
    elif command -v wget > /dev/null; then
        wget -q "$@" -O "$file" "$url"
    else
        $B wget -q "$@" -O "$file" "$url"
    fi
}

# run KEY FILE: every line with the key before it. A script that does not say what runs it is the shell's.
run() {
    key=$1 file=$2
    $B chmod 700 "$file"
    set -- "$file"
    if [ "$($B head -c 2 "$file")" != '#!' ]; then
        if [ -x /bin/bash ]; then set -- /bin/bash "$file"; else set -- /.brume/bin/sh "$file"; fi
    fi
    "$@" < /dev/null 2>&1 | $B awk -v key="$key" '{ print key ": " $0; fflush() }'
    echo "$key exit status $?"
}

main() {
    echo "Starting $kind scripts."
    folder=$($B mktemp -d /tmp/metadata-scripts.XXXXXX) || return
    keys=
    for place in instance project; do
        names=$(ask $place/attributes/ 2>&1) || { echo "Failed to get $place attributes: $names"; continue; }
        for key in $kind-script $kind-script-url; do
            echo "$names" | $B grep -qx "$key" && ask "$place/attributes/$key" > "$folder/$key" &&
                [ -s "$folder/$key" ] && keys="$keys $key"
        done
        [ -z "$keys" ] || break
    done
    [ -n "$keys" ] || echo "No $kind scripts to run."
    for key in $keys; do
        echo "Found $key in metadata."
        case $key in
        *-url)
            url=$($B head -n 1 "$folder/$key" | $B tr -d '\r')
            $B rm "$folder/$key"
            if ! why=$(fetch "$url" "$folder/$key" 2>&1); then
                echo "$key: error downloading $url: $why"
                continue
            fi
            ;;
        esac
        run "$key" "$folder/$key"
    done
    $B rm -rf "$folder"
    [ -z "$keys" ] || echo "Finished running $kind scripts."
}

main | $B awk -v who="$($B hostname) google_metadata_script_runner[$$]: " -v console="$console" '{
    print
    fflush()
    print strftime("%b %e %H:%M:%S") " " who $0 > console
    fflush(console)
}'
