#!/.brume/bin/sh
# machine.sh init PROGRAM | machine.sh process PROGRAM [ARGUMENT…]
#
# The first process of a container that is a virtual machine: boots the container's root with a kernel of its own, and
# stays until the machine is off. What the container is given (address, volumes, limits) is the machine's.
#
# - Root: the machine has the container's file system, through virtiofs; files can be put there and read from outside.
# - Network: packets for the container's address are led on to the machine, which has that address.
# - Console: the machine's serial port is the container's output.
# - Control: in-guest.sh runs commands in the machine, over a second interface that leads nowhere else.
#
# Ends with 130 when the machine was switched off, with 129 when it wants to be started again, else with 1.
set -u
B=/.brume/bin/busybox
V=/.brume-vm
export run=/run/brume-vm own=/.brume-run/vm
fail() { echo "brume: $*" >&2; exit 1; }
# A word as shells read it.
quoted() { printf "'"; printf %s "$1" | $B sed "s/'/'\\\\''/g"; printf "' "; }

$B mkdir -p $run $own /etc
[ -s /etc/passwd ] || echo 'root:x:0:0:root:/root:/.brume/bin/sh' > /etc/passwd
# Processors and MiB; the engine writes them before the first start, and when they change.
cpus=1 memory=2048
[ -f /.brume-run/hardware ] && . /.brume-run/hardware

# What the machine's kernel starts, with the container's environment.
kind=$1
shift
{
    echo '#!/.brume/bin/sh'
    export -p
    echo ": <> /dev/\$(/.brume/bin/busybox grep -lx up /sys/class/virtio-ports/*/name | /.brume/bin/busybox cut -d/ -f5)"
    if [ "$kind" = init ]; then printf 'exec '; else printf 'exec /.brume/bin/sh /.brume-vm/libexec/process.sh '; fi
    for word; do quoted "$word"; done
    echo
} > $own/first

# The keys of in-guest.sh, new at each start.
umask 077
for name in key hostkey; do
    $B rm -f $run/$name
    /.brume/bin/ssh-keygen -q -t ed25519 -N '' -C '' -f $run/$name
done
$B cp $run/key.pub $own/authorized
echo "169.254.255.2 $($B cut -d' ' -f1,2 $run/hostkey.pub)" > $run/known
umask 022

address=$($B ip -4 -o addr show dev eth0 | $B awk '{ print $4; exit }')
gateway=$($B ip -4 route show | $B awk '$1 == "default" { print $3; exit }')
range=$($B ip -4 route show dev eth0 | $B awk '$1 != "default" { print $1; exit }')
mac=$($B cat /sys/class/net/eth0/address)
[ -n "$address" ] && [ -n "$gateway" ] || fail "the container has no address"
export address gateway range

[ -p $run/up ] || $B mkfifo $run/up
$B mkfifo $run/commands
exec 3>&1 4<> $run/commands
# What QEMU tells, one line each.
listen() {
    local line
    while read -r line; do
        case $line in
        *VSERPORT_CHANGE*'"open": true'*)
            $V/bin/ssh -F none -f -N -M -S $run/control -i $run/key -o UserKnownHostsFile=$run/known \
                -o ControlPersist=yes root@169.254.255.2 -p 122 || continue
            # Whoever waits for the machine reads this pipe.
            exec 5<> $run/up
            : > $run/booted
            ;;
        *'"SHUTDOWN"'*guest-reset*) echo 129 > $run/ending ;;
        *'"SHUTDOWN"'*) echo 130 > $run/ending ;;
        *'"event"'* | *'"return"'* | *'"QMP"'*) ;;
        *) echo "brume: $line" >&3 ;;
        esac
    done
}
# Boots the machine, and stays until it is off.
boot() {
    $B rm -f $run/booted $run/hangs $run/ending $run/fs
    $B cp -p $run/hostkey $own/hostkey
    $V/bin/virtiofsd --socket-path=$run/fs --rlimit-nofile=0 -o source=/ -o sandbox=chroot -o cache=always -o timeout=1 -o xattr -o log_level=err &
    files=$!
    # It says nothing when it listens, which it does within milliseconds.
    until [ -S $run/fs ]; do kill -0 $files 2> /dev/null || fail "virtiofsd did not start"; $B usleep 2000; done
    echo '{"execute":"qmp_capabilities"}' >&4
    {
        QEMU_MODULE_DIR=$V/lib/qemu $V/bin/qemu-system-x86_64 -L $V/firmware -nodefaults -no-user-config -display none \
            -M q35,memory-backend=memory -no-reboot -cpu max \
            -accel "$($B cut -d' ' -f1 $V/accelerator)" -smp "$cpus" -m "$memory" \
            -object "memory-backend-memfd,id=memory,size=${memory}M,share=on" \
            -serial file:/proc/self/fd/3 -qmp stdio \
            -chardev socket,id=fs,path=$run/fs -device vhost-user-fs-pci,chardev=fs,tag=root,queue-size=1024 \
            -netdev tap,id=net,ifname=vm0,script=$V/libexec/net-up.sh,downscript=no \
            -device "virtio-net-pci,romfile=,netdev=net,mac=$mac,host_mtu=$($B cat /sys/class/net/eth0/mtu)" \
            -netdev tap,id=control,ifname=vm1,script=$V/libexec/net-up.sh,downscript=no \
            -device virtio-net-pci,romfile=,netdev=control,mac=02:62:72:75:6d:65 \
            -device virtio-serial-pci -chardev null,id=up -device virtserialport,chardev=up,id=port,name=up \
            -kernel $V/vmlinuz -initrd $V/initrd.gz \
            -append "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check mitigations=off random.trust_cpu=on \
brume.mac=$mac brume.address=$address brume.gateway=$gateway brume.host=$($B hostname)" <&4 2>&1
        echo "$?" > $run/status
    } | listen
    kill $files 2> /dev/null
}
# An imitated processor may hang while its clock is set: a machine that takes no commands by then is switched off.
watch() {
    $B sleep 120
    [ -e $run/booted ] && return
    : > $run/hangs
    echo '{"execute":"quit"}' >&4
}

stop() {
    if [ "$kind" = init ] && [ -x /lib/systemd/systemd ]; then set -- kill -38 1; else set -- kill -15 1; fi
    $V/bin/ssh -F none -S $run/control root@169.254.255.2 /.brume/bin/busybox "$@" 2> /dev/null ||
        echo '{"execute":"quit"}' >&4
}
trap stop TERM
attempt=1
while :; do
    boot &
    machine=$!
    watch &
    watcher=$!
    # A signal ends the waiting, not the machine.
    while kill -0 $machine 2> /dev/null; do wait $machine; done
    kill $watcher 2> /dev/null
    [ -e $run/hangs ] || break
    [ $attempt -lt 3 ] || fail "the machine does not boot"
    echo "brume: the machine does not boot; it is started again"
    attempt=$((attempt + 1))
done
if [ -s $run/ending ]; then exit "$($B cat $run/ending)"; fi
fail "the machine's emulator ended with $($B cat $run/status)"
