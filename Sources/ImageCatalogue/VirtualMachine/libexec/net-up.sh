#!/.brume/bin/sh
# net-up.sh INTERFACE: connects what QEMU has made; vm0 is the machine's interface, vm1 the one of in-guest.sh.
set -eu
B=/.brume/bin/busybox
$B ip link set "$1" up
if [ "$1" = vm1 ]; then
    $B ip address add 169.254.255.1/30 dev vm1
    exit
fi
# The address is the machine's from here on: neighbours ask eth0 for it, and are answered in the machine's name.
$B ip address flush dev eth0
$B ip route replace "${address%/*}" dev vm0
$B ip route replace "$range" dev eth0
$B ip route replace default via "$gateway" dev eth0
