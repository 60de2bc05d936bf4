#!/.brume/bin/sh
# user-up.sh NAME [yes|no] < KEYS: makes a user who may become root without a password (or may not), and gives them
# exactly these ssh keys.
# May be repeated; the user's home is left as it is.
set -u
B=/.brume/bin/busybox
name=${1:-}
case $name in
'' | -* | .* | *[!A-Za-z0-9_.-]*) echo "user-up.sh: '$name' is no name of a user" >&2; exit 2 ;;
esac
$B mkdir -p /etc /.brume-run/keys /tmp
[ -s /etc/passwd ] || echo 'root:x:0:0:root:/root:/.brume/bin/sh' > /etc/passwd
[ -s /etc/group ] || echo 'root:x:0:' > /etc/group

if ! $B awk -F: -v n="$name" '$1 == n { found = 1 } END { exit !found }' /etc/passwd; then
    uid=$($B awk -F: '{ used[$3] = 1 } END { u = 1000; while (u in used) u++; print u }' /etc/passwd /etc/group)
    shell=/.brume/bin/sh
    for candidate in /bin/bash /usr/bin/bash /bin/sh; do
        if [ -x "$candidate" ]; then shell=$candidate; break; fi
    done
    home=/home/$name
    echo "$name:x:$uid:" >> /etc/group
    echo "$name:x:$uid:$uid::$home:$shell" >> /etc/passwd
    if [ -f /etc/shadow ]; then echo "$name:*:19000:0:99999:7:::" >> /etc/shadow; fi
    $B mkdir -p /home
    if [ ! -e "$home" ]; then
        $B mkdir "$home"
        if [ -d /etc/skel ]; then $B cp -a /etc/skel/. "$home/"; fi
        $B chown -R "$uid:$uid" "$home"
        $B chmod 755 "$home"
    fi
fi
if [ "$name" != root ]; then
    # The groups in which Google's images have those who may become root, as far as this image has them.
    $B awk -F: -v OFS=: -v n="$name" -v may="${2:-yes}" '
        $1 ~ /^(adm|dip|docker|lxd|plugdev|video)$/ {
            all = "," $4 ","
            at = index(all, "," n ",")
            if (may == "yes" && !at) $4 = $4 == "" ? n : $4 "," n
            if (may != "yes" && at) {
                $4 = substr(all, 1, at) substr(all, at + length(n) + 2)
                gsub(/^,|,$/, "", $4)
            }
        }
        { print }' /etc/group > /etc/group.$$
    # Renamed at once: another run may be reading the file.
    $B chmod 644 /etc/group.$$
    if $B cmp -s /etc/group.$$ /etc/group; then $B rm /etc/group.$$; else $B mv /etc/group.$$ /etc/group; fi
fi
if [ "$name" != root ] && [ -d /etc/sudoers.d ]; then
    # sudo leaves out files with a dot in their name.
    file=/etc/sudoers.d/brume-user-$(echo "$name" | $B tr . _)
    if [ "${2:-yes}" = yes ]; then
        echo "$name ALL=(ALL:ALL) NOPASSWD:ALL" > "$file"
        $B chmod 440 "$file"
    else
        $B rm -f "$file"
    fi
fi
# The new file takes the place of the old at once: a login meanwhile sees the one or the other.
$B cat > "/.brume-run/keys/.$name.new"
$B chmod 644 "/.brume-run/keys/.$name.new"
$B mv "/.brume-run/keys/.$name.new" "/.brume-run/keys/$name"
