#!/bin/sh
# `fdesetup status` of a Mac.
if grep -q '"filevault": "on"' /var/db/simulator/knobs.json 2>/dev/null; then is=On; else is=Off; fi
case $* in
  status) echo "FileVault is $is." ;;
  isactive)
    [ $is = On ] && echo true && exit
    echo false
    exit 1
    ;;
  *) exec /opt/mac/refuse.sh fdesetup "$@" ;;
esac
