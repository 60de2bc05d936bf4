#!/.brume/bin/sh
# name-up.sh NAME DOMAIN: gives the machine its name, now and at its next starts (see first.sh). May be repeated.
set -u
B=/.brume/bin/busybox
name=$1 domain=$2
$B mkdir -p /.brume-run
echo "$name $domain" > /.brume-run/name.new
$B mv /.brume-run/name.new /.brume-run/name
old=$($B hostname)
[ "$old" != "$name" ] || exit 0
# Where engines mount these files from outside they cannot be replaced, but written.
echo "$name" > /etc/hostname
hosts=$($B awk -v old="$old" -v names="$name.$domain $name" '$NF == old { $0 = $1 "\t" names } { print }' /etc/hosts)
echo "$hosts" > /etc/hosts
# Last: who is ended before does all of it again.
$B hostname "$name"
