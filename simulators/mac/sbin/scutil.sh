#!/bin/sh
# `scutil` of a Mac, for `--get` of a name.
case "$1 $2" in
  '--get ComputerName' | '--get LocalHostName' | '--get HostName') hostname ;;
  *)
    exec /opt/mac/refuse.sh scutil "$@"
    ;;
esac
