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
# A version that nothing uses yet. It is made where it lies, then named by `current` in its scripts,
# since that is how it will be called. What is left of one that failed is removed.
install_beside() { # NAME VERSION PYTHON PIP-WHEEL STAMP SECONDS REQUIREMENT... (pip's words)
  base=$HOME/$share/$1
  folder=$base/$2
  if make_beside "$@"; then return; else code=$?; fi
  rm -rf "$folder"
  return "$code"
}
make_beside() {
  python=$3 wheel=$4 stamp=$5 limit=$6
  shift 6
  if [ "$(readlink "$base/current")" = "${folder##*/}" ]; then
    echo "$folder is in use and incomplete: run fleet.up first"
    return 1
  fi
  rm -rf "$folder" && mkdir -p "$folder" || return
  scrubbed 120 "$python" -m venv --without-pip "$folder/venv" || return
  pip_environment "$limit" "$folder/venv/bin/python" "$HOME/$wheel/pip" --no-input \
    --disable-pip-version-check --quiet install --no-warn-script-location "$@" || return
  scrubbed 120 env HERMES_HOME="$folder/.trial" "$folder/venv/bin/python" -c 'import hermes_cli.main, gateway.run' || {
    echo "this version does not even start"
    return 1
  }
  rm -rf "$folder/.trial"
  "$folder/venv/bin/python" -I -S -c "$renamed" "$folder/venv" "$base/current/venv" || return
  printf '%s\n' "$stamp" >"$folder/.stamp.new" && mv "$folder/.stamp.new" "$folder/$stamp_name"
}
renamed='import os, sys
old, new = map(os.fsencode, sys.argv[1:])
for entry in os.scandir(old + b"/bin"):
    if entry.is_file(follow_symlinks=False):
        with open(entry.path, "rb+") as file:
            text = file.read()
            if old in text and b"\0" not in text:
                file.seek(0)
                file.write(text.replace(old, new))
                file.truncate()
'
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
