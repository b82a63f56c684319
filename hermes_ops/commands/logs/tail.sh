# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Send the last lines of log files. Here and in next.sh: it only reads, and opens only regular
# files: a pipe would keep whoever opens it until somebody writes.
#
# A text is a block `text KEY`. Only the record `at KEY INODE OFFSET CUT MARK` behind it makes it valid:
# without that, the file changed meanwhile, and the next request begins where this one did.

log_longest=16384  # bytes of a line that are sent
log_siblings=9     # how many rotated files (gateway.log.1 …) are looked for

# --- the host ---------------------------------------------------------------------------------

# The rules of local time as the host has them: the file itself, for its version of the rules counts
# and it may be a copy without a name.
log_host() {
  printf '%s now ' "$nonce"
  date '+%s %z'
  zone=${TZ-}
  zone=${zone#:}
  case $zone in
    '') rules=/etc/localtime ;;
    /*) rules=$zone ;;
    *) rules=/usr/share/zoneinfo/$zone ;;
  esac
  [ -n "$zone" ] || zone=$(readlink /etc/localtime 2>/dev/null)
  [ -n "$zone" ] || ! readable /etc/timezone || read -r zone </etc/timezone
  say "zone $zone"
  readable "$rules" || return 0
  begin rules
  od -An -v -tx1 -N 65536 "$rules" 2>/dev/null
  end
}

# --- files ------------------------------------------------------------------------------------

log_stat() { # PATH: sets `inode`, `kind` and `size`; all are empty if there is nothing
  set -f
  # shellcheck disable=SC2046 # the fields of a line
  set -- $(ls -dlinL -- "$1" 2>/dev/null)
  set +f
  inode=${1-}
  kind=${2-}
  size=${6-}
}
log_stated() { # PATH: as log_stat, from `listed`, what ls said of many files; their names have no blanks
  line=${newline}$listed$newline
  inode=
  kind=
  size=
  case $line in *" $1$newline"*) ;; *) return 0 ;; esac
  line=${line%%" $1$newline"*}
  set -f
  # shellcheck disable=SC2086 # the fields of a line
  set -- ${line##*"$newline"}
  set +f
  inode=$1
  kind=$2
  size=$6
}
log_regular() { # KEY PATH: whether it can be read as a log; if not, it is told why
  log_stat "$2"
  log_is_regular "$@"
}
log_is_regular() { # KEY PATH: the same, when log_stat knows it
  case $kind in
    -*) [ ! -r "$2" ] || return 0; say "odd $1 it may not be read" ;;
    '') say "missing $1" ;;
    d*) say "odd $1 it is a folder" ;;
    p*) say "odd $1 it is a named pipe" ;;
    *) say "odd $1 it is no regular file" ;;
  esac
  return 1
}
log_part() { # PATH FROM LENGTH: prints these bytes; FROM counts from 0
  tail -c "+$(($2 + 1))" -- "$1" 2>/dev/null | head -c "$3"
}
log_count() { # sets `count`, the line ends of a part
  count=$(log_part "$@" | wc -l)
  count=$((count))
}

# Find the last line end of a part: sets `length` to the bytes up to it, or keeps it and sets
# `ends_cut=1`, if a line is longer than what may be sent at once.
log_whole_lines() { # PATH FROM MOST: reads and sets `length`
  ends_cut=0
  # shellcheck disable=SC2046 # two numbers
  set -- "$1" "$2" "$3" $(log_part "$1" "$2" "$length" | tail -n 1 | wc -lc)
  [ "${4:-0}" -eq 0 ] || return 0
  if [ "${5:-0}" -lt "$length" ]; then
    length=$((length - ${5:-0}))
  elif [ "$length" -lt "$3" ]; then
    length=0
  else
    ends_cut=1
  fi
}

# --- from the end -----------------------------------------------------------------------------

# Send the last LINES of many logs with few processes for all together. Those of which more must be
# known are asked one by one: what is no file, has too few lines and rotated ones, or may be too much.
log_ends() { # LINES MOST and KEY PATH ENV-FILE of each
  lines=$1
  most=$2
  shift 2
  single=
  whole=
  listed=
  env_files=
  for word; do case $word in */*.log) listed="$listed $word" ;; esac; done
  set -f
  # shellcheck disable=SC2086 # names of files
  listed=$(ls -dlinL -- $listed 2>/dev/null)
  set +f
  while [ $# -gt 0 ]; do
    log_stated "$2"
    if log_is_short "$1" "$2"; then
      whole="$whole$1 $2$newline"
      ! readable "$3" || env_files="$env_files$1 $3$newline"
    else
      single="$single$1 $2 $3$newline"
    fi
    shift 3
  done
  [ -z "$whole" ] || log_ends_of_whole | log_masked_blocks "$env_files" 0
  printf '%s' "$single" | while read -r key path env_file; do
    log_last "$key" "$path" "$env_file" "$lines" - "$most"
  done
}
log_is_short() { # KEY PATH: whether the last lines are in this file, and are not too much
  case $kind in -*) [ -r "$2" ] || return 1 ;; *) return 1 ;; esac
  [ "$size" -le "$most" ] || [ $((lines * (log_longest + 64))) -le "$most" ] || return 1
  [ ! -e "$2.1" ] || [ "$(tail -n "$lines" -- "$2" 2>/dev/null | wc -l)" -ge "$lines" ]
}
log_ends_of_whole() {
  printf '%s' "$whole" | while read -r key path; do
    begin text "$key"
    tail -n "$lines" -- "$path" 2>/dev/null
    end
  done
}

# Send the last lines of a log, of its rotated files too if the live one has not enough: at most LINES
# (or `-`), from the local time SINCE on (or `-`), and at most MOST bytes.
log_last() { # KEY PATH ENV-FILE LINES SINCE MOST
  log_regular "$1" "$2" || return 0
  live=$inode
  length=$size
  [ "$log_follow" = 0 ] || [ "$size" = 0 ] || log_last_whole "$2"
  log_gather "$2" "$4" "$5" "$6"
  begin text "$1"
  log_gathered | log_limited "$4" "$5" | log_masked "$3" 0
  end
  [ "$log_older" = 0 ] || say "older $1"
  mark=0 # only who follows compares it
  [ "$log_follow" = 0 ] || log_mark "$2" "$length"
  log_stat "$2"
  [ "$inode" = "$live" ] || return 0
  say "at $1 $live $length 0 $mark"
}
log_last_whole() { # PATH: takes what its writer has not ended yet off `length`
  most=65536
  from=$((length > most ? length - most : 0))
  length=$((length - from))
  log_whole_lines "$1" "$from" "$most"
  length=$((from + length))
}
# Sets `parts`, a line `FROM LENGTH PATH` each, oldest first; `first_cut` if the first begins within a
# line; `log_older` if there are more bytes than may be sent.
log_gather() { # PATH LINES SINCE MOST
  parts=
  first_cut=0
  log_older=0
  wanted=$2
  left=$4
  path=$1
  part_length=$length
  number=0
  while :; do
    older=$1.$((number + 1))
    log_take "$path" "$part_length" "$older"
    [ "$wanted" = - ] || [ "$wanted" -gt 0 ] || break
    [ "$take" -lt "$part_length" ] || [ -e "$older" ] || break
    [ "$left" -gt 0 ] || { log_older=1; break; }
    [ "$3" = - ] || log_begins_later "$path" "$3" || break
    number=$((number + 1))
    [ $number -le $log_siblings ] || break
    path=$older
    log_stat "$path"
    case $kind in -*) [ -r "$path" ] || break ;; *) break ;; esac
    part_length=$size
  done
}
log_take() { # PATH LENGTH OLDER: adds its end to `parts`; of the oldest file lines are not counted
  take=$2
  # Lines have about a hundred bytes: most often a small part is enough.
  if [ "$wanted" != - ]; then
    guess=$((wanted * 256 + 16384))
    [ "$take" -le "$guess" ] || take=$guess
  fi
  [ "$take" -le "$left" ] || take=$left
  if [ "$wanted" != - ] && { [ "$take" -lt "$2" ] || [ -e "$3" ]; }; then
    log_count "$1" $(($2 - take)) "$take"
    if [ "$count" -le "$wanted" ] && [ "$take" -lt "$2" ] && [ "$take" -lt "$left" ]; then
      take=$(($2 < left ? $2 : left))
      log_count "$1" $(($2 - take)) "$take"
    fi
    wanted=$((wanted > count ? wanted - count : 0))
  fi
  left=$((left - take))
  parts="$(($2 - take)) $take $1$newline$parts"
  first_cut=0
  [ "$take" -ge "$2" ] || first_cut=1
  [ "$first_cut" = 0 ] || [ "$wanted" != - ] || left=0
}
log_begins_later() { # PATH SINCE: whether its first time is after that
  first=$(head -n 50 -- "$1" 2>/dev/null | head -c 65536 |
    awk '/^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] / { print substr($0, 1, 19); exit }')
  [ -n "$first" ] || return 0
  [ "$(printf '%s\n%s\n' "$first" "$2" | sort | head -n 1)" = "$2" ]
}
log_gathered() { # the rest of a line that was cut is left out
  if [ "$first_cut" = 0 ]; then log_parts; else log_parts | tail -n +2; fi
}
log_parts() {
  printf '%s' "$parts" | while read -r from take path; do log_part "$path" "$from" "$take"; done
}
log_limited() { # LINES SINCE
  case $1:$2 in
    -:-) cat ;;
    *:-) tail -n "$1" ;;
    -:*) log_since_filter "$2" ;;
    *) log_since_filter "$2" | tail -n "$1" ;;
  esac
}
log_since_filter() { # LOCAL-TIME: lines without a time stay with the line before
  awk -v since="$1" '
    /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] / { on = substr($0, 1, 19) >= since }
    on'
}
log_local() { # EPOCH: sets `since` to that time here, with the offset of today; no `date` is like another
  zone=$(date +%z) # +0130
  minutes=$((1${zone#???} - 100 + 60 * (1$(printf %.2s "${zone#?}") - 100)))
  case $zone in -*) minutes=-$minutes ;; esac
  seconds=$(($1 + 60 * minutes))
  [ "$seconds" -ge 0 ] || seconds=0
  days=$((seconds / 86400 + 719468)) # since the first of March of the year 0
  seconds=$((seconds % 86400))
  era=$((days / 146097)) # 400 years
  days=$((days % 146097))
  year=$(((days - days / 1460 + days / 36524 - days / 146096) / 365))
  days=$((days - 365 * year - year / 4 + year / 100))
  month=$(((5 * days + 2) / 153))
  day=$((days - (153 * month + 2) / 5 + 1))
  year=$((year + 400 * era + (month > 9)))
  month=$((month > 9 ? month - 9 : month + 3))
  since=$(printf '%04d-%02d-%02d %02d:%02d:%02d' "$year" "$month" "$day" \
    $((seconds / 3600)) $((seconds % 3600 / 60)) $((seconds % 60)))
}
