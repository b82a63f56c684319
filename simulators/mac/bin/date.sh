#!/opt/mac/gnu/bin/bash -p
# `date` of a Mac by GNU's.
given=("$@")
words=()
when=
shown=
OPTIND=1 OPTERR=0
while getopts ':ujRr:v:f:' letter; do
  case $letter in
    u | R) words+=("-$letter") ;;
    j) ;;
    r) case $OPTARG in *[!0-9]*) when="$(/opt/mac/gnu/bin/date -r "$OPTARG" '+@%s')" ;; *) when=@$OPTARG ;; esac ;;
    v) adjusted=$OPTARG ;;
    f) format=$OPTARG ;;
    *) exec /opt/mac/refuse.sh date "${given[@]}" ;;
  esac
done
shift $((OPTIND - 1))
if [ -n "${format-}" ]; then
  when=@$(/opt/mac/gnu/bin/python3 -IS -c 'import sys, time, calendar
seconds = calendar.timegm if sys.argv[3] else time.mktime
print(int(seconds(time.strptime(sys.argv[2], sys.argv[1]))))' "$format" "${1-}" "${words[*]}") || exit 1
  shift
fi
if [ -n "${adjusted-}" ]; then
  [[ $adjusted =~ ^([+-][0-9]+)([ymwdHMS])$ ]] || exec /opt/mac/refuse.sh date "${given[@]}"
  declare -A unit=([y]=year [m]=month [w]=week [d]=day [H]=hour [M]=minute [S]=second)
  when="${when:-now} ${BASH_REMATCH[1]} ${unit[${BASH_REMATCH[2]}]}"
fi
case $# in
  0) ;;
  1) case $1 in +*) shown=${1//%N/N} ;; *) exec /opt/mac/refuse.sh date "${given[@]}" ;; esac ;; # nobody sets the clock
  *) exec /opt/mac/refuse.sh date "${given[@]}" ;;
esac
exec -a date /opt/mac/gnu/bin/date "${words[@]}" ${when:+-d "$when"} ${shown:+"$shown"}
