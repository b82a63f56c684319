#!/opt/mac/gnu/bin/bash -p
# `base64` of a Mac by GNU's: no line breaks unless -b asks for them.
given=("$@")
words=(-w0)
last=
OPTIND=1 OPTERR=0
while getopts ':dDb:i:o:' letter; do
  case $letter in
    d | D) words=(-d) last=none ;;
    b) words=(-w"$OPTARG") ;;
    i) input=$OPTARG ;;
    o) exec >"$OPTARG" ;;
    *) exec /opt/mac/refuse.sh base64 "${given[@]}" ;;
  esac
done
shift $((OPTIND - 1))
[ -z "${input-}${1-}" ] || exec <"${input-$1}"
/opt/mac/gnu/bin/base64 "${words[@]}" || exit
[ -n "$last" ] || echo
