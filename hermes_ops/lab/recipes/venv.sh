# shellcheck shell=sh # image.py gives it to /bin/sh -eu
# What Debian leaves out of its Python: ensurepip, so that a venv gets pip.

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends python3-venv
apt-get clean
rm -rf /var/lib/apt/lists/*
