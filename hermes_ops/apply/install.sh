# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Install Python programs, each in an environment of its own.

# The environment is created and used through the `current` link, so that every path in it agrees.
# The stamp is written last: without it the next run installs again from the beginning.
install_program() { # NAME VERSION PYTHON PIP-WHEEL STAMP SECONDS REQUIREMENT... (pip's words)
  base=$HOME/$share/$1
  version=$2 python=$3 wheel=$4 stamp=$5 limit=$6
  shift 6
  mkdir -p "$base/$version" || return
  [ "$(readlink "$base/current")" = "$version" ] || point_current "$base" "$version" || return
  [ -f "$base/current/$stamp_name" ] || {
    rm -rf "$base/current/venv"
    scrubbed 120 "$python" -m venv --without-pip "$base/current/venv" || return
  }
  pip_environment "$limit" "$base/current/venv/bin/python" "$HOME/$wheel/pip" --no-input \
    --disable-pip-version-check --quiet install --no-warn-script-location "$@" || return
  printf '%s\n' "$stamp" >"$base/current/.stamp.new" &&
    mv "$base/current/.stamp.new" "$base/current/$stamp_name"
}
point_current() { # FOLDER VERSION
  rm -f "$1/current" && ln -s "$2" "$1/current"
}
pip_environment() { # SECONDS WORDS...
  seconds_left=$1
  shift
  limited "$seconds_left" env -i HOME="$HOME" USER="$user" LOGNAME="$user" PATH="$PATH" LANG=C.UTF-8 \
    ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} ${PIP_EXTRA_INDEX_URL:+PIP_EXTRA_INDEX_URL="$PIP_EXTRA_INDEX_URL"} \
    ${PIP_CERT:+PIP_CERT="$PIP_CERT"} ${PIP_FIND_LINKS:+PIP_FIND_LINKS="$PIP_FIND_LINKS"} \
    ${https_proxy:+https_proxy="$https_proxy"} ${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} \
    ${SSL_CERT_FILE:+SSL_CERT_FILE="$SSL_CERT_FILE"} "$@" </dev/null
}
