#!/bin/sh
# `sysctl` of a Mac, for what we ask of it.
[ ! -d /proc/self ] || exec /usr/sbin/sysctl "$@"
case $* in
  '-n kern.bootsessionuuid') cat /run/kernel/sys/kernel/random/boot_id ;;
  '-n kern.boottime')
    while read -r name second _; do
      [ "$name" != btime ] || printf '{ sec = %s, usec = 0 } %s\n' "$second" "$(date)"
    done </run/kernel/stat
    ;;
  *)
    printf 'sysctl %s\n' "$*" >>/run/refused
    exit 1
    ;;
esac
