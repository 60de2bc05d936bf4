# users-up.sh INSTANCE NAME DOMAIN < SSH-KEYS: tells a running machine whose it is, and gives it its name and its users.
# Prints the machine's own public key. May be repeated.
#
# SSH-KEYS are lines as the metadata `ssh-keys` has them, `ada:ssh-ed25519 AAAA… ada@laptop`, with options of sshd's before
# the key. Users who are not named any more keep their files and lose their keys, and may not become root any more. A `-`
# before a name says that the user may not become root.
#
# A program costs a machine with an imitated processor a twentieth of a second: nearly all is the shell's own, or awk's.
set -u
tools=/.brume
PATH=$tools/applets
umask 022
[ -d /.brume-run/keys ] || mkdir -p /.brume-run/keys
[ -d /etc ] || mkdir /etc

# Those whose tools are older have had their name since they were made.
if [ -f $tools/libexec/name-up.sh ]; then
    identity= named= host=
    [ ! -f /.brume-run/instance ] || read -r identity < /.brume-run/instance
    # A machine that ran before it was this instance's keeps its host key, which nobody else has seen.
    if [ "$identity" != "$1" ]; then
        printf %s "$1" > /.brume-run/instance
        printf %s "$1" > /.brume-run/hostkey.instance
    fi
    [ ! -f /.brume-run/name ] || read -r named < /.brume-run/name
    read -r host < /proc/sys/kernel/hostname
    if [ "$named $host" != "$2 $3 $2" ]; then $tools/bin/sh $tools/libexec/name-up.sh "$2" "$3"; fi
fi
# Folders of disks that are gone go too, since a disk may have been detached while the machine was off: what is written
# there would be written to the boot disk.
[ ! -d /mnt/disks ] || find /mnt/disks -mindepth 1 -maxdepth 1 -type d -perm 1000 -exec rmdir {} + 2> /dev/null

shell=$tools/bin/sh
for candidate in /bin/bash /usr/bin/bash /bin/sh; do
    if [ -x $candidate ]; then
        shell=$candidate
        break
    fi
done
[ -s /etc/passwd ] || echo "root:x:0:0:root:/root:$tools/bin/sh" > /etc/passwd
[ -s /etc/group ] || echo 'root:x:0:' > /etc/group
# Writes the new files beside the old ones, and says what is to be done, a line each.
changes=$(awk -F: -v shell=$shell -v part=new.$$ '
    # Writes the new file beside the old one; says how many lines it has, for a disk may be full.
    function renew(file, text, lines) {
        printf "%s", text > (file "." part)
        close(file "." part)
        print "file " file " " lines
    }
    FILENAME == "/etc/passwd" { home[$1] = $6; id[$1] = $3; own[$1] = $4; used[$3]; people = people $0 "\n"; persons++; next }
    FILENAME == "/etc/group" { used[$3]; group[++groups] = $0; before = before $0 "\n"; next }
    { gsub(/\r/, "") }
    !/^-?[A-Za-z0-9_][A-Za-z0-9_.-]*:[^ ]+ [^ ]+/ { next }
    {
        at = index($0, ":")
        name = substr($0, 1, at - 1)
        isPlain = sub(/^-/, "", name)
        if (!(name in keys)) user[++users] = name
        if (isPlain) plain[name]
        keys[name] = keys[name] substr($0, at + 1) "\n"
    }
    END {
        free = 1000
        for (i = 1; i <= users; i++) {
            name = user[i]
            if (name in id) continue
            while (free in used) free++
            used[free]
            group[++groups] = name ":x:" free ":"
            id[name] = own[name] = free
            home[name] = "/home/" name
            persons++
            people = people name ":x:" free ":" free "::" home[name] ":" shell "\n"
            shadow = shadow "shadow " name ":*:19000:0:99999:7:::\n"
        }
        for (g = 1; g <= groups; g++) {
            line = group[g]
            # Those in which Google has who may become root, as far as this image has them.
            if (line ~ /^(adm|dip|docker|lxd|plugdev|video):/) {
                split(line, field, ":")
                members = "," field[4] ","
                if (members == ",,") members = ","
                for (i = 1; i <= users; i++) {
                    name = user[i]
                    at = index(members, "," name ",")
                    if (name == "root") continue
                    if (!(name in plain) && !at) members = members name ","
                    if (name in plain && at) members = substr(members, 1, at) substr(members, at + length(name) + 2)
                }
                line = field[1] ":" field[2] ":" field[3] ":" substr(members, 2, length(members) - 2)
            }
            after = after line "\n"
        }
        if (after != before) {
            renew("/etc/group", after, groups)
        }
        if (shadow != "") {
            renew("/etc/passwd", people, persons)
            printf "%s", shadow
        }
        for (i = 1; i <= users; i++) {
            name = user[i]
            if (home[name] ~ /^\/home\//) print "home " home[name] " " id[name] ":" own[name]
            file = name
            # sudo leaves out files with a dot in their name.
            gsub(/\./, "_", file)
            if (name != "root") print ((name in plain) ? "plain " : "sudo ") name " " file
            printf "%s", keys[name] > ("/.brume-run/keys/." name "." part)
            print "keys " name
        }
    }' /etc/passwd /etc/group -) || exit 1
names=' '
while read -r change first second; do
    case $change in
    # Files take the place of the old at once: a login meanwhile sees the one or the other.
    file)
        [ "$(wc -l < "$first.new.$$")" -eq "$second" ] || { rm "$first.new.$$"; echo "$0: $first: the disk is full" >&2; exit 1; }
        mv "$first.new.$$" "$first"
        ;;
    shadow) [ ! -f /etc/shadow ] || echo "$first" >> /etc/shadow ;;
    home)
        [ ! -e "$first" ] || continue
        mkdir -p "$first"
        [ ! -d /etc/skel ] || cp -a /etc/skel/. "$first/"
        chown -R "$second" "$first"
        chmod 755 "$first"
        ;;
    sudo)
        [ -d /etc/sudoers.d ] || continue
        rule= wanted="$first ALL=(ALL:ALL) NOPASSWD:ALL"
        [ ! -f "/etc/sudoers.d/brume-user-$second" ] || read -r rule < "/etc/sudoers.d/brume-user-$second"
        [ "$rule" != "$wanted" ] || continue
        umask 337
        echo "$wanted" > "/etc/sudoers.d/brume-user-$second"
        umask 022
        ;;
    plain) [ ! -e "/etc/sudoers.d/brume-user-$second" ] || rm "/etc/sudoers.d/brume-user-$second" ;;
    keys)
        mv "/.brume-run/keys/.$first.new.$$" "/.brume-run/keys/$first"
        names="$names$first "
        ;;
    esac
done << E
$changes
E
for file in /.brume-run/keys/*; do
    name=${file##*/}
    case $names in
    *" $name "*) ;;
    *) [ ! -f "$file" ] || rm -f "$file" "/etc/sudoers.d/brume-user-${name//./_}" ;;
    esac
done
[ ! -f /.brume-run/hostkey.pub ] || { read -r key < /.brume-run/hostkey.pub && echo "$key"; }
