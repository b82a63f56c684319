#!/opt/mac/gnu/bin/bash -p
# A program of a Mac by GNU's of the same name: the options that both have and that mean the same.
# All others end loudly, and stand in /run/refused. Options come before operands, as with BSD's.
name=${0##*/}
# shellcheck source=/dev/null # options.sh, beside this
. /opt/mac/userland/options.sh
letters=${options[$name]-}

OPTIND=1
OPTERR=0
while getopts ":$letters" letter; do
  case $letter in
    '?' | :) exec /opt/mac/refuse.sh "$name" "$@" ;;
  esac
  case $name$letter$OPTARG in
    headn-* | headc-*) exec /opt/mac/refuse.sh "$name" "$@" ;; # all but the last lines: GNU's alone
  esac
done
operands=("${@:OPTIND}")

case $name in
  sleep)
    case ${operands[*]} in *[smhd]) exec /opt/mac/refuse.sh "$name" "$@" ;; esac
    ;;
  find)
    others= # the words of a program that it starts are not its own
    for word in "${operands[@]}"; do
      case $others$word in
        -exec | -execdir | -ok) others=yes ;;
        yes';' | yes+) others= ;;
        -*) [[ ${primaries[$word]-} || $word =~ ^-[0-7]+$ ]] || exec /opt/mac/refuse.sh "$name" "$@" ;;
      esac
    done
    ;;
esac

case $name in
  env | xargs | find | nohup | nice)
    # They hand down their environment: it must be the one that was given, without what bash adds.
    mapfile -d '' -t environment <"/opt/mac/kernel/$$/environ"
    exec /opt/mac/gnu/bin/env -i "${environment[@]}" "/opt/mac/real/$name" "$@"
    ;;
esac
export POSIXLY_CORRECT=1
exec -a "$name" "/opt/mac/real/$name" "$@"
