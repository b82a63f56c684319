#!/opt/mac/gnu/bin/bash -p
# `md5` of a Mac by md5sum.
case $1 in -q) ;; *) exec /opt/mac/refuse.sh md5 "$@" ;; esac
shift
/opt/mac/gnu/bin/md5sum -- "$@" | cut -d' ' -f1
