# shellcheck shell=sh # image.py gives it to /bin/sh -eu
# Common to every kind of host: the users, the SSH server, a fast boot.

useradd --create-home --shell /bin/bash --uid 1000 hermes
useradd --create-home --shell /bin/bash --uid 1001 fresh
# "*" is no password at all; "!" would make sshd refuse the account as locked.
usermod --password '*' hermes
usermod --password '*' fresh

# Every host gets a key of its own before its first boot.
rm -f /etc/ssh/ssh_host_*
cat > /etc/ssh/sshd_config.d/lab.conf <<'CONF'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200:30:400
UseDNS no
LogLevel VERBOSE
CONF

# The SSH banner must mean that logins work: without this order the first logins may
# come before the end of the boot, and pam_nologin refuses them.
mkdir -p /etc/systemd/system/ssh.service.d
cat > /etc/systemd/system/ssh.service.d/lab.conf <<'CONF'
[Unit]
Wants=systemd-logind.service
After=systemd-user-sessions.service systemd-logind.service dbus.service
CONF

# Persistent: only then does each user have a journal to read.
mkdir -p /etc/systemd/journald.conf.d
cat > /etc/systemd/journald.conf.d/lab.conf <<'CONF'
[Journal]
Storage=persistent
SystemMaxUse=32M
CONF

systemctl mask --quiet \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer systemd-tmpfiles-clean.timer console-getty.service \
    getty.target systemd-networkd-wait-online.service systemd-resolved.service \
    systemd-timesyncd.service dev-hugepages.mount
