#!/bin/sh
# `systemsetup` of a Mac: without root it says so on its output, and ends with 0.
if [ "$(id -u)" != 0 ]; then
  echo 'You need administrator access to run this tool... exiting!'
  exit 0
fi
case $1 in
  -getremotelogin) echo 'Remote Login: On' ;;
  -setrestartpowerfailure) pmset -a autorestart "$([ "$2" = on ] && echo 1 || echo 0)" && echo "setrestartpowerfailure: $2" ;;
  -setwakeonnetworkaccess) pmset -a womp "$([ "$2" = on ] && echo 1 || echo 0)" && echo "setwakeonnetworkaccess: $2" ;;
  -setcomputersleep) pmset -a sleep "$([ "$2" = Never ] && echo 0 || echo "$2")" && echo "setcomputersleep: $2" ;;
  *) exec /opt/mac/refuse.sh systemsetup "$@" ;;
esac
