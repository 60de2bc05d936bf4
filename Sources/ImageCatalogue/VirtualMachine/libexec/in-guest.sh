#!/.brume/bin/sh
# in-guest.sh PROGRAM [ARGUMENT…]: runs a program in the virtual machine, as root, with this environment, folder,
# terminal and streams; its exit code is the program's. Waits for a machine that starts.
set -u
B=/.brume/bin/busybox
run=/run/brume-vm
$B mkdir -p $run
# Whoever is first makes the pipe; it opens once the machine takes commands.
$B mkfifo $run/up 2> /dev/null
: < $run/up
# A word each, as shells read it.
command=$($B awk 'BEGIN {
    for (i = 1; i < ARGC; i++) {
        gsub(/\047/, "\047\\\047\047", ARGV[i])
        printf " \047%s\047", ARGV[i]
    }
}' "$PWD" "$@")
terminal=-T
[ -t 0 ] && terminal=-tt
exec /.brume-vm/bin/ssh -F none -q -S $run/control $terminal root@169.254.255.2 "$(export -p)
exec /.brume/bin/busybox chroot /proc/1/root /.brume/bin/sh -c 'cd \"\$0\" 2> /dev/null; exec \"\$@\"' $command"
