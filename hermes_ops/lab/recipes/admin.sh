# shellcheck shell=sh # image.py gives it to /bin/sh -eu
# polkit, which allows linger without root, and sudo.

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends policykit-1 sudo
apt-get clean
rm -rf /var/lib/apt/lists/*

echo 'hermes ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/hermes
chmod 440 /etc/sudoers.d/hermes
