#!/opt/mac/gnu/bin/bash -p
# `tar` of a Mac by GNU's: what bsdtar knows, too.
words=()
for word; do
  case $word in
    --no-mac-metadata | --no-xattrs | --no-acls | --no-fflags) ;; # of no effect here
    --exclude=* | --exclude | --format | --format=ustar | --format=pax | --strip-components* | --uid=* | --gid=* | --) words+=("$word") ;;
    --*) exec /opt/mac/refuse.sh tar "$@" ;;
    *) words+=("$word") ;;
  esac
done
exec -a tar /opt/mac/gnu/bin/tar "${words[@]}"
