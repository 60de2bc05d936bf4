#!/.brume/bin/sh
# first.sh PROGRAM [ARGUMENT…]: the first process of a machine. It gives the machine the name that it was given last,
# which the engine may not know, and its name servers, instead of the engine's own; and becomes the program.
brume_path=${PATH-}
PATH=/.brume/applets
if [ -s /.brume-run/name ]; then
    read -r brume_name brume_domain < /.brume-run/name
    /.brume/bin/sh /.brume/libexec/name-up.sh "$brume_name" "$brume_domain"
fi
# The engine mounts the file from outside, and writes it anew at each start.
[ ! -s /.brume-run/resolv.conf ] || cat /.brume-run/resolv.conf > /etc/resolv.conf
# What runs the scripts of the metadata, where systemd is. They wait until the machine is somebody's.
brume_units=/lib/systemd/system brume_last=google-startup-scripts.service
if [ -x /lib/systemd/systemd ] && [ ! $brume_units/$brume_last -nt /.brume/units/$brume_last ]; then
    mkdir -p $brume_units/multi-user.target.wants
    for brume_unit in google-startup-scripts.path google-shutdown-scripts.service; do
        ln -sf ../$brume_unit $brume_units/multi-user.target.wants/
    done
    cp /.brume/units/* $brume_units/
fi
unset HOSTNAME
PATH=$brume_path
exec "$@"
