#!/opt/mac/gnu/bin/bash -p
# `lockf` of a Mac by flock: 75 if it is held for longer than -t says.
given=("$@")
words=()
OPTIND=1 OPTERR=0
while getopts ':kst:' letter; do
  case $letter in
    k | s) ;;
    t) words=(-w "$OPTARG") ;;
    *) exec /opt/mac/refuse.sh lockf "${given[@]}" ;;
  esac
done
shift $((OPTIND - 1))
exec -a lockf /opt/mac/gnu/bin/flock -E 75 "${words[@]}" "$@"
