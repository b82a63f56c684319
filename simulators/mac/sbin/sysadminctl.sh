#!/bin/sh
# `sysadminctl -autologin` of a Mac, as it often is over SSH: it ends with 0, and has no effect.
case "$1 $2" in
  '-autologin set') echo 'SACSetAutoLoginPassword error:22' >&2 ;;
  '-autologin status')
    if user=$(defaults read /Library/Preferences/com.apple.loginwindow autoLoginUser 2>/dev/null); then
      echo "Automatic login is on, user: $user" >&2
    else
      echo 'Automatic login is off' >&2
    fi
    ;;
  *) exec /opt/mac/refuse.sh sysadminctl "$@" ;;
esac
