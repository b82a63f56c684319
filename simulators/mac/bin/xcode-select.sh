#!/bin/sh
# `xcode-select -p` of a Mac: whether it has developer tools.
case $* in -p | --print-path) ;; *) exec /opt/mac/refuse.sh xcode-select "$@" ;; esac
if grep -q '"developer_tools": "yes"' /var/db/simulator/knobs.json 2>/dev/null; then
  echo /Library/Developer/CommandLineTools
  exit
fi
echo "xcode-select: error: Unable to get active developer directory. Use \`sudo xcode-select --switch path/to/Xcode.app\` to set one (or see man xcode-select)" >&2
exit 2
