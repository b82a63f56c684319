# shellcheck shell=sh # image.py gives it to /bin/sh -eu
# ensurepip, which Debian's Python does not include: a venv needs it for pip.

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends python3-venv
apt-get clean
rm -rf /var/lib/apt/lists/*
