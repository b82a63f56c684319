#!/opt/mac/gnu/bin/bash -p
# `mktemp` of a Mac by GNU's: without a template in the user's own folder, and X only at the end.
given=("$@")
words=()
OPTIND=1 OPTERR=0
while getopts ':dqut:p:' letter; do
  case $letter in
    d | q | u) words+=("-$letter") ;;
    t) prefix=$OPTARG ;;
    p) folder=$OPTARG ;;
    *) exec /opt/mac/refuse.sh mktemp "${given[@]}" ;;
  esac
done
shift $((OPTIND - 1))
folder=${folder:-${TMPDIR:-/var/folders/$(id -u)/T/}}
if [ $# = 0 ]; then
  set -- "${folder%/}/${prefix:-tmp}.XXXXXXXXXX"
fi
for template; do
  case $template in
    *XXX) exec -a mktemp /opt/mac/gnu/bin/mktemp "${words[@]}" "$template" ;;
    *) exec /opt/mac/refuse.sh mktemp "${given[@]}" ;; # its name would be the template, letter by letter
  esac
done
