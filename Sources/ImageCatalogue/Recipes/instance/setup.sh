# A machine without hardware of its own: what would look for some, or wait for it, does not start.
for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
    systemd-udev-settle.service getty.target console-getty.service systemd-timesyncd.service \
    systemd-resolved.service systemd-modules-load.service modprobe@.service apt-daily.timer apt-daily-upgrade.timer \
    fstrim.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service sys-kernel-debug.mount \
    sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount systemd-binfmt.service \
    proc-sys-fs-binfmt_misc.automount; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
# Asked by reboot and shutdown; D-Bus starts it then.
rm -f /lib/systemd/system/multi-user.target.wants/systemd-logind.service
: > /etc/machine-id
rm -f /usr/lib/python3.*/EXTERNALLY-MANAGED
ln -sf python3 /usr/bin/python

. /etc/os-release
if [ "$ID" = ubuntu ]; then
    # It would fetch news for logins.
    ln -sf /dev/null /etc/systemd/system/motd-news.timer
    # The user of Ubuntu's images for clouds.
    useradd --create-home --comment Ubuntu --shell /bin/bash --groups adm,cdrom,dip,sudo ubuntu
    echo 'ubuntu ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/90-cloud-init-users
    chmod 440 /etc/sudoers.d/90-cloud-init-users
fi
