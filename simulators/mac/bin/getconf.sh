#!/opt/mac/gnu/bin/bash -p
# `getconf` of a Mac.
case $1 in
  DARWIN_USER_TEMP_DIR) echo "/var/folders/$(id -u)/T/" ;;
  *) exec -a getconf /opt/mac/gnu/bin/getconf "$@" ;;
esac
