#!/bin/sh
# A program of a Mac by GNU's of the same name: words that only GNU knows are refused, and noted.
name=${0##*/}
real=/usr/bin/$name
[ ! -d /proc/self ] || exec "$real" "$@"
case "$name $*" in
  'stat -L -c '*) exit 1 ;; # asked before the words below, and refused as it should be
  'stat -L -f %z %m -- '*)
    shift 4
    exec "$real" -L -c '%s %Y' -- "$@"
    ;;
  *' --'[a-z]* | 'readlink -f'* | 'sed -i'* | 'sed -r'* | 'sed -z'* | 'date -d'* | 'date '*%N* | \
    stat* | base64\ -* | 'grep -P'* | 'find '*-printf* | 'xargs -d'* | 'xargs -r'* | 'sort -V'*)
    printf '%s %s\n' "$name" "$*" >>/run/refused
    exit 1
    ;;
esac
exec "$real" "$@"
