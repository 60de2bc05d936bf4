#!/.brume/bin/sh
# ssh-up.sh: starts the machine's ssh server, and stays with it. Run as root after every start of the machine; where a
# server runs already, it takes the settings anew.
#
# The machine's own environment (certificates, metadata, PATH) becomes that of ssh sessions, of login shells and of sudo.
set -u
path=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
PATH=/.brume/applets
mkdir -p /etc /run/sshd /.brume-run/keys /tmp
chmod 755 /run/sshd /.brume-run /.brume-run/keys
[ -s /etc/passwd ] || echo 'root:x:0:0:root:/root:/.brume/bin/sh' > /etc/passwd
[ -s /etc/group ] || echo 'root:x:0:' > /etc/group
grep -q '^sshd:' /etc/passwd || echo 'sshd:x:22122:65534::/run/sshd:/bin/false' >> /etc/passwd
# A disk that was copied from another machine's brings that machine's keys along.
brume_identity= brume_owner=
[ ! -f /.brume-run/instance ] || read -r brume_identity < /.brume-run/instance
[ ! -f /.brume-run/hostkey.instance ] || read -r brume_owner < /.brume-run/hostkey.instance
if [ -n "$brume_identity" ] && [ "$brume_identity" != "$brume_owner" ]; then
    rm -f /.brume-run/hostkey /.brume-run/hostkey.pub /.brume-run/keys/*
    cp /.brume-run/instance /.brume-run/hostkey.instance
fi
[ -s /.brume-run/hostkey ] || /.brume/bin/ssh-keygen -q -t ed25519 -N '' -C "" -f /.brume-run/hostkey

# What of the environment is handed on: all but what a session has of its own.
ours=/.brume/bin
# A machine that is a container has what ssh --container runs. The file holds the container's name.
if [ -f /.brume-run/container ]; then
    ours=$ours:/.brume/libexec/container
    cp /.brume/bin/chroot /.brume-run/as-root
    chmod 4755 /.brume-run/as-root
fi
settings="PATH=$path:$ours"
profile=
names=
for name in $(env | sed -n -E 's/^([A-Za-z_][A-Za-z0-9_]*)=.*/\1/p' | sort -u); do
    case $name in
    PATH | HOME | HOSTNAME | PWD | OLDPWD | SHLVL | TERM | USER | LOGNAME | SHELL | MAIL | _ | container | SSH_* | LANG | LC_*) continue ;;
    esac
    eval "value=\${$name-}"
    # A value with quotes or line ends cannot be written in sshd's file.
    case $value in *[\"\'\\\`\$]* | *'
'*) continue ;; esac
    settings="$settings \"$name=$value\""
    profile="$profile
export $name=\"$value\""
    names="$names $name"
done
case $names in *' '*) ;; *) names= ;; esac

# A login shell of the image may set PATH anew: what the machine has besides comes after it.
if [ -d /etc/profile.d ]; then
    {
        echo "# The machine's own environment."
        echo "case \":\$PATH:\" in *:/.brume/bin:*) ;; *)"
        IFS=:
        for folder in $path; do
            echo "case \":\$PATH:\" in *:$folder:*) ;; *) PATH=\$PATH:$folder ;; esac"
        done
        unset IFS
        echo "PATH=\$PATH:$ours ;; esac"
        echo "export PATH$profile"
    } > /etc/profile.d/brume.sh
fi
if [ -d /etc/sudoers.d ] && [ -n "$names" ]; then
    echo "Defaults env_keep += \"${names# }\"" > /etc/sudoers.d/brume-environment
    echo "Defaults secure_path=\"$path:$ours\"" >> /etc/sudoers.d/brume-environment
    chmod 440 /etc/sudoers.d/brume-environment
fi

cat > /.brume-run/sshd_config <<C
Port 22
HostKey /.brume-run/hostkey
AuthorizedKeysFile /.brume-run/keys/%u .ssh/authorized_keys
StrictModes no
UsePAM no
UseDNS no
PrintLastLog no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100:30:200
PidFile /run/sshd/brume.pid
AcceptEnv LANG LC_*
Subsystem sftp /.brume/bin/sftp-server
SetEnv $settings
C
if [ -x /.brume/bin/sshd-session ]; then echo 'SshdSessionPath /.brume/bin/sshd-session' >> /.brume-run/sshd_config; fi
if [ -x /.brume/bin/sshd-auth ]; then echo 'SshdAuthPath /.brume/bin/sshd-auth' >> /.brume-run/sshd_config; fi

if [ -s /run/sshd/brume.pid ]; then
    read -r pid < /run/sshd/brume.pid
    if grep -q sshd "/proc/$pid/cmdline" 2>/dev/null; then
        kill -HUP "$pid"
        exit
    fi
fi
# -r: a connection is served by a copy of the process, which need not be loaded anew. OpenSSH 9.8 and later do not know
# it any more, and go on.
PATH=$path exec /.brume/bin/sshd -D -e -r -f /.brume-run/sshd_config
