#!/.brume/bin/sh
# users-up.sh < SSH-KEYS: brings the machine's users to what the metadata `ssh-keys` says, lines such as
# `ada:ssh-ed25519 AAAA… ada@laptop`. Users who are not named any more keep their files and lose their keys. A `-` before
# a name says that the user may not become root.
set -u
B=/.brume/bin/busybox
$B mkdir -p /.brume-run/keys
wanted=/.brume-run/users.$$
trap '$B rm -f "$wanted" "$wanted.all" "$wanted.plain"' EXIT
$B tr -d '\r' | $B grep -E '^-?[A-Za-z0-9_][A-Za-z0-9_.-]*:[^ ]+ [^ ]+' > "$wanted.all"
$B sed -n 's/^-\([^:]*\):.*/\1/p' "$wanted.all" > "$wanted.plain"
$B sed 's/^-//' "$wanted.all" > "$wanted"
may_be_root() { if $B grep -qxF "$1" "$wanted.plain"; then echo no; else echo yes; fi; }
for name in $($B cut -d: -f1 "$wanted" | $B sort -u); do
    $B awk -v n="$name" '{ i = index($0, ":") } substr($0, 1, i - 1) == n { print substr($0, i + 1) }' "$wanted" |
        /.brume/bin/sh /.brume/libexec/user-up.sh "$name" "$(may_be_root "$name")"
done
for file in /.brume-run/keys/*; do
    name=${file##*/}
    if [ -f "$file" ] && ! $B cut -d: -f1 "$wanted" | $B grep -qxF "$name"; then $B rm -f "$file"; fi
done
