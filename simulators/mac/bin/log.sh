#!/bin/sh
# `log show` of a Mac: what launchd says, without time or predicate.
case $1 in
  show | stream)
    case " $(id -u) $(id -Gn) " in
      ' 0 '* | *' admin '*) ;;
      *)
        echo "log: Must be admin to run '$1' command" >&2
        exit 64
        ;;
    esac
    [ "$1" = show ] || exec /opt/mac/refuse.sh log "$@"
    cat /var/log/com.apple.xpc.launchd/launchd.log
    ;;
  *) exec /opt/mac/refuse.sh log "$@" ;;
esac
