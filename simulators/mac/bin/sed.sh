#!/opt/mac/gnu/bin/bash -p
# `sed` of a Mac by GNU's: -i always takes a suffix, be it the next word, and scripts are POSIX's.
given=("$@")
words=()
OPTIND=1 OPTERR=0
while getopts ':Eae:f:i:lnrsu' letter; do
  case $letter in
    e | f) words+=("-$letter" "$OPTARG") ;;
    i) words+=("-i$OPTARG") ;;
    E | r) words+=(-E) ;;
    n | s | u) words+=("-$letter") ;;
    *) exec /opt/mac/refuse.sh sed "${given[@]}" ;;
  esac
done
shift $((OPTIND - 1))
exec -a sed /opt/mac/gnu/bin/sed --posix "${words[@]}" -- "$@"
