#!/.brume/bin/sh
# name-up.sh NAME DOMAIN: gives the machine its name, now and at its next starts (see first.sh). May be repeated.
set -u
PATH=/.brume/applets
name=$1 domain=$2
[ -d /.brume-run ] || mkdir -p /.brume-run
echo "$name $domain" > /.brume-run/name.new
mv /.brume-run/name.new /.brume-run/name
read -r old < /proc/sys/kernel/hostname
[ "$old" != "$name" ] || exit 0
# Where engines mount these files from outside they cannot be replaced, but written.
echo "$name" > /etc/hostname
hosts=$(awk -v old="$old" -v names="$name.$domain $name" '$NF == old { $0 = $1 "\t" names } { print }' /etc/hosts)
echo "$hosts" > /etc/hosts
# Last: who is ended before does all of it again.
hostname "$name"
