#!/.brume/bin/sh
# first.sh PROGRAM [ARGUMENT…]: the first process of a machine. It gives the machine the name that it was given last,
# which the engine may not know, and its name servers, instead of the engine's own; and becomes the program.
path=${PATH-}
PATH=/.brume/applets
if [ -s /.brume-run/name ]; then
    read -r name domain < /.brume-run/name
    /.brume/bin/sh /.brume/libexec/name-up.sh "$name" "$domain"
fi
# The engine mounts the file from outside, and writes it anew at each start.
[ ! -s /.brume-run/resolv.conf ] || cat /.brume-run/resolv.conf > /etc/resolv.conf
# What runs the scripts of the metadata, where systemd is. They wait until the machine is somebody's.
units=/lib/systemd/system last=google-startup-scripts.service
if [ -x /lib/systemd/systemd ] && [ ! $units/$last -nt /.brume/units/$last ]; then
    mkdir -p $units/multi-user.target.wants
    for unit in google-startup-scripts.path google-shutdown-scripts.service; do
        ln -sf ../$unit $units/multi-user.target.wants/
    done
    cp /.brume/units/* $units/
fi
unset HOSTNAME
PATH=$path
exec "$@"
