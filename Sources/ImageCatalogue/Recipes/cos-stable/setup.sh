# The engine starts with the machine; every user of the machine's may use it with sudo.
systemctl enable docker.service containerd.service
