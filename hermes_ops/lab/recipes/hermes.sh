# shellcheck shell=sh # image.py gives it to /bin/sh -eu
# Hermes itself; its API server needs aiohttp.

python3 -m venv /opt/hermes/venv
/opt/hermes/venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
    hermes-agent==0.19.0 aiohttp==3.14.1
ln -s /opt/hermes/venv/bin/hermes /usr/local/bin/hermes
HERMES_HOME=/run/hermes /usr/local/bin/hermes --version
