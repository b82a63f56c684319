#!/bin/sh
# `scutil` of a Mac, for `--get` of a name and `--dns`: of what the host has in its resolv.conf.
case "$1 $2" in
  '--get ComputerName' | '--get LocalHostName' | '--get HostName') hostname ;;
  '--dns '*)
    servers=$(sed -n 's/^nameserver \(.*\)/  nameserver[0] : \1/p' /etc/resolv.conf 2>/dev/null)
    if [ -n "$servers" ]; then printf 'DNS configuration\n\nresolver #1\n%s\n' "$servers"; else echo 'No DNS configuration available'; fi
    ;;
  *)
    exec /opt/mac/refuse.sh scutil "$@"
    ;;
esac
