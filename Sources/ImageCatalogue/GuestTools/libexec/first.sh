#!/.brume/bin/sh
# first.sh PROGRAM [ARGUMENT…]: the first process of a machine. It gives the machine the name that it was given last,
# which the engine may not know, and becomes the program.
if [ -s /.brume-run/name ]; then
    read -r name domain < /.brume-run/name
    /.brume/bin/sh /.brume/libexec/name-up.sh "$name" "$domain"
fi
unset HOSTNAME
exec "$@"
