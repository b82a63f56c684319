# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Send the new lines of log files: what came behind a position, whatever happened to the file since;
# and what service managers say. It uses what stands in tail.sh.

# Wait until any of these files is not as in `known`, at most so many half seconds.
log_wait() { # TRIES PATH...
  tries=$1
  shift
  while :; do
    listed=$(log_list "$@")
    [ "$listed" = "$known" ] && [ "$tries" -gt 0 ] || break
    tries=$((tries - 1))
    sleep 0.5
  done
  begin listed
  printf '%s' "$listed"
  end
}

log_list() { # PATH...: lists these files and what was rotated of them
  for path; do set -- "$@" "$path".[1-9]; done
  ls -dlinL -- "$@" 2>/dev/null
}

# Send what came behind a position, also if the file was rotated, emptied or removed since. A file is
# the one that was read if its inode and its first bytes (MARK) are: inodes are used again.
log_next() { # KEY PATH ENV-FILE INODE OFFSET CUT MARK MOST LAG
  log_regular "$1" "$2" || return 0
  budget=$8
  log_ended=0
  if [ "$inode" = "$4" ]; then
    [ "$size" != "$5" ] || return 0
    if [ "$size" -gt "$5" ] && log_is_marked "$2" "$5" "$7"; then
      log_send "$1" "$2" "$3" "$5" "$6" "$9"
    else
      log_rotated "$@"
    fi
  elif [ "$4" = 0 ]; then
    log_send "$1" "$2" "$3" 0 0 "$9"
  else
    log_rotated "$@"
  fi
}
log_mark() { # PATH OFFSET: sets `mark`
  mark=$(head -c $(($2 < 256 ? $2 : 256)) -- "$1" 2>/dev/null | cksum)
  mark=${mark%% *}
}
log_is_marked() { # PATH OFFSET MARK
  log_mark "$1" "$2"
  [ "$mark" = "$3" ]
}
log_newer() { # PATH: sets `number`, how many of its rotated files were not there at the last look
  number=0
  while [ $number -lt "$log_siblings" ]; do
    log_stat "$1.$((number + 1))"
    case $kind in -*) ;; *) break ;; esac
    line=${newline}$seen
    case $line in *"$newline$inode "*) ;; *) line= ;; esac
    line=${line##*"$newline$inode "}
    case " ${line%%"$newline"*} " in *" $size "*) break ;; esac
    number=$((number + 1))
  done
}
log_found() { # as log_next: sets `number`; fails if no rotated file is the one that was read
  number=0
  while [ $number -lt "$log_siblings" ]; do
    number=$((number + 1))
    log_stat "$2.$number"
    case $kind in -*) ;; *) return 1 ;; esac
    [ "$inode" != "$4" ] || [ "$size" -lt "$5" ] || ! log_is_marked "$2.$number" "$5" "$7" || return 0
  done
  return 1
}
# Files are renamed one by one: meanwhile a name is missing, and after that each is another file's.
# What is sent ends there, and the next request goes on behind it.
log_rotated() { # as log_next; goes on in the rotated file, and then in all that are newer
  was=$inode
  offset=$5
  cut=$6
  due=$4
  if ! log_found "$@" && { sleep 0.3; ! log_found "$@"; }; then
    offset=0
    cut=0
    due=
    if [ "$was" = "$4" ]; then
      number=0
      say "truncated $1"
    else
      log_newer "$2"
      say "lost $1"
    fi
  fi
  sent=
  while [ $number -ge 0 ]; do
    log_ended=$number # what is rotated gets no further line, and no line end either
    log_due "$2" || return 0
    if [ "$size" -gt "$offset" ] || [ $number = 0 ]; then
      log_send "$1" "$path" "$3" "$offset" "$cut" "$9" || return 0
    fi
    sent=$is
    due=
    number=$((number - 1))
    offset=0
    cut=0
  done
}
log_due() { # PATH: sets `path`, `inode` and `size`; fails if it is not the file that is due
  path=$1
  [ "$number" = 0 ] || path=$1.$number
  log_stat "$path"
  is=$inode
  its=$size
  [ "${due:-$is}" = "$is" ] || return 1
  [ -n "$sent" ] || return 0
  log_stat "$1.$((number + 1))"
  [ "$inode" = "$sent" ] || return 1
  inode=$is
  size=$its
}
# Send the lines of a file behind OFFSET, within `budget`; fails if not all of them could be sent, and
# says so (`more`) if they need not be waited for.
log_send() { # KEY PATH ENV-FILE OFFSET CUT LAG: needs `inode` and `size`
  [ "$budget" -ge "$log_longest" ] || { say "more $1"; return 1; }
  was=$inode
  end_at=$size
  from=$4
  begins_cut=$5
  if [ $((end_at - from)) -gt "$6" ]; then # too far behind: go on with the newest
    log_count "$2" "$from" $((end_at - budget - from))
    say "skipped $1 $((count + 1 - begins_cut))"
    from=$((end_at - budget))
    begins_cut=1
  fi
  while :; do
    length=$((end_at - from))
    whole=1
    [ "$length" -le "$budget" ] || { length=$budget; whole=0; }
    ends_cut=0
    [ "$log_ended" != 0 ] && [ $((from + length)) = "$end_at" ] || log_whole_lines "$2" "$from" "$budget"
    [ "$begins_cut$ends_cut" = 11 ] || break
    from=$((from + length)) # still the same line
  done
  if [ "$length" -gt 0 ]; then
    begin text "$1"
    log_part "$2" "$from" "$length" | log_masked "$3" "$begins_cut"
    end
    begins_cut=0
  fi
  budget=$((budget - length))
  log_place "$1" "$2" "$((begins_cut | ends_cut))" || return 1
  [ $((from + length)) -lt "$end_at" ] || return 0
  [ "$whole" = 1 ] || say "more $1"
  return 1
}
log_place() { # KEY PATH CUT: fails if the path is another file's by now
  log_mark "$2" $((from + length))
  log_stat "$2"
  [ "$inode" = "$was" ] || return 1
  say "at $1 $was $((from + length)) $3 $mark"
}

# --- the service manager's own words ----------------------------------------------------------

log_journal() { # KEY ENV-FILE MANAGER ID LINES SINCE-EPOCH CURSOR MOST
  begin journal "$1" "$3"
  "$3_journal" "$4" "$5" "$6" "$7" | log_masked "$2" 0 | tail -c "$8"
  end
}
