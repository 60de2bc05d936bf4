#!/.brume/bin/sh
# process.sh PROGRAM [ARGUMENT…]: the first process of a machine whose image has no init: runs one program, and switches
# the machine off when that ends, or when it is told to (SIGTERM).
B=/.brume/bin/busybox
"$@" &
program=$!
trap 'kill $program' TERM
wait $program
# A signal has ended the first waiting only.
wait $program
$B sync
$B poweroff -f
