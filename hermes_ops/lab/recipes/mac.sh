# shellcheck shell=sh # image.py gives it to /bin/sh -eu
# The accounts, the shell and the folders of a Mac. Its programs are in simulators/mac, which every
# host gets before it boots; process 1 is the simulator's, not systemd.

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends zsh
apt-get clean
rm -rf /var/lib/apt/lists/*
: > /etc/zsh/zshenv
echo "PS1='%n@%m %1~ %# '" > /etc/zsh/zshrc
rm -rf /usr/share/zsh/*/scripts/newuser /usr/share/zsh/functions/Newuser* # a Mac asks a new user nothing
# What a Mac's path_helper makes of a login shell's PATH; `ssh HOST COMMAND` is no login shell.
echo 'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' > /etc/zsh/zprofile

groupmod --new-name oldstaff staff
groupmod --new-name staff dialout
groupmod --new-name wheel root
groupadd --gid 80 admin
mkdir /Users
for user in hermes:501 fresh:502; do
    usermod --uid "${user#*:}" --gid 20 --home "/Users/${user%:*}" --shell /bin/zsh "${user%:*}"
    groupdel "${user%:*}"
    cp -R /etc/skel "/Users/${user%:*}"
    rm -f "/Users/${user%:*}"/.bash* "/Users/${user%:*}/.profile"
    chown -R "${user#*:}:20" "/Users/${user%:*}"
done
usermod --append --groups admin hermes
rm -rf /home/hermes /home/fresh

# A login is announced to nobody, and its PATH is what sshd says.
sed -i '/pam_systemd/d' /etc/pam.d/common-session
sed -i '/pam_motd/d; /pam_mail/d' /etc/pam.d/sshd
: > /etc/environment
echo 'SetEnv PATH=/usr/bin:/bin:/usr/sbin:/sbin' >> /etc/ssh/sshd_config.d/lab.conf

# Macs have their Python from elsewhere: what lies in /usr/bin needs the developer tools.
mkdir -p /opt/homebrew/bin
ln -s /opt/mac/gnu/bin/python3.11 /opt/homebrew/bin/python3.11
ln -s python3.11 /opt/homebrew/bin/python3
if [ -d /opt/hermes ]; then
    ln -sfn /opt/homebrew/bin/python3.11 /opt/hermes/venv/bin/python3
    sed -i 's|^home = .*|home = /opt/homebrew/bin|' /opt/hermes/venv/pyvenv.cfg
fi
