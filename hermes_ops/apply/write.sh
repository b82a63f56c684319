# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Write files, folders and links: stage them, sync them to the disk, and only then rename them.

# This function returns in variables: a `$(…)` would cost one more process for each file.
temporary() { # PATH: sets `path` and `staged`
  real_path "$1"
  case $path in */*) ;; *) path=./$path ;; esac
  staged=${path%/*}/.${path##*/}.hermes-ops.$$
}
sweep() { # removes the staged files that an earlier run left beside `path`
  for stale in "${path%/*}/.${path##*/}.hermes-ops."*; do
    [ ! -e "$stale" ] || rm -f "$stale"
  done
}

# Creates all missing folders with one process; an error shows later, with the folder's first file.
make_parents() { # PATH...
  for file; do
    shift
    case $file in */*) [ -d "${file%/*}" ] || set -- "$@" "${file%/*}" ;; esac
  done
  [ $# -eq 0 ] || mkdir -p "$@" 2>/dev/null
}
# The shell's own printf prints the content: so it appears in no argument list and no other file,
# and costs no process. A file that may hold secrets has mode 0600 from its first byte on.
begin_stage() { # CHANGE MODE PATH: sets `staged`, to which the content then goes
  is_broken && { skipped "$1"; return 1; }
  temporary "$3"
  if [ ! -d "${path%/*}" ] && ! mkdir -p "${path%/*}"; then
    unwritten "$1" "$3"
    return 1
  fi
  sweep
  [ "$2" = 644 ] || umask 077
}
# All files of a profile are completely staged before the first one is renamed.
end_stage() { # STATUS CHANGE MODE PATH
  umask 022
  case $3 in
    600 | 644) [ "$1" -eq 0 ] && return ;;
    *) [ "$1" -eq 0 ] && chmod "$3" "$staged" && return ;;
  esac
  rm -f "$staged"
  unwritten "$2" "$4"
}
unwritten() { failed "$1" "$2 cannot be written: $(why_unwritten "${path%/*}")"; }
why_unwritten() { # FOLDER: from its first parent on, what is in the way
  way=
  rest=${1%/}/
  while [ -n "$rest" ]; do
    way=$way${rest%%/*}
    rest=${rest#*/}
    if [ -L "$way" ] && [ ! -e "$way" ]; then
      printf '%s is a link to %s, which does not exist' "$way" "$(readlink "$way")"
      return
    elif [ -e "$way" ] && [ ! -d "$way" ]; then
      printf '%s is no folder' "$way"
      return
    elif [ -z "$rest" ] && [ -d "$way" ] && [ ! -w "$way" ]; then
      printf '%s may not write in %s' "$user" "$way"
      return
    fi
    way=$way/
  done
  said=$({ : >"$1/.hermes-ops.$$"; } 2>&1)
  rm -f "$1/.hermes-ops.$$" 2>/dev/null
  case $said in
    *"ead-only"*) printf '%s is on a disk that is mounted read-only' "$1" ;;
    *uota*) printf 'the quota of %s is used up' "$user" ;;
    *) printf 'is the disk full?' ;;
  esac
}
# What is staged replaces nothing if the manager of its service would refuse it.
proven() { # CHANGE PATH FUNCTION ID
  is_broken && return
  why=$("$3" "$4" 2>/dev/null </dev/null) && return
  temporary "$2"
  rm -f "$staged"
  failed "$1" "$why"
}
sync_staged() { # PATH...
  for file; do
    shift
    temporary "$file"
    [ ! -e "$staged" ] || set -- "$@" "$staged"
  done
  [ $# -eq 0 ] || sync "$@" 2>/dev/null || sync
}
rename_staged() { # CHANGE PATH
  temporary "$2"
  [ -e "$staged" ] || return 0 # staging failed, which was reported then
  if is_broken; then
    rm -f "$staged"
    skipped "$1"
  elif mv -f "$staged" "$path"; then
    tell "change $1 done"
  else
    rm -f "$staged"
    failed "$1" "$2 cannot be replaced"
  fi
}

# What others wrote is kept once, where nothing loads it, before it is replaced for the first time.
keep_old() { # CHANGE PATH
  is_broken && return
  copy=$kept_folder/$2
  count=1
  while [ -e "$copy" ]; do
    ! cmp -s "$2" "$copy" || return 0
    count=$((count + 1))
    copy=$kept_folder/$2.$count
  done
  (umask 077 && mkdir -p "${copy%/*}" && cp "$2" "$copy.new" && chmod 600 "$copy.new" \
    && { sync "$copy.new" 2>/dev/null || sync; } && mv -f "$copy.new" "$copy") && return
  failed "$1" "$2 cannot be kept as $copy"
  return 1
}

# A rename needs no right to the file itself: only the folder must be ours.
move_aside() { # PATH
  copy=$kept_folder/$1
  count=1
  while [ -e "$copy" ]; do
    count=$((count + 1))
    copy=$kept_folder/$1.$count
  done
  (umask 077 && mkdir -p "${copy%/*}") && mv "$1" "$copy"
}

# The note shows a later run whether the file is still as we wrote it.
keep_note() { # PATH TEXT
  [ -d "${1%/*}" ] || mkdir -p "${1%/*}" || return 0
  (umask 077 && printf '%s' "$2" >"$1.new" && mv -f "$1.new" "$1")
}

# What a service is started with; of values that stay on this host, a check of each.
keep_start() { # PATH TEXT [ENV-FILE NAME...]
  note=$1
  text=$2
  shift 2
  [ $# -eq 0 ] || text="${text}at: $(date +%s)$newline$(made_checks "$@")$newline"
  keep_note "$note" "$text"
}
made_checks() { # ENV-FILE NAME...
  readable "$1" || return 0
  file=$1
  shift
  awk -v wanted=" $* " "$value_check"'
    { sub(/^[ \t]*(export[ \t]+)?/, ""); at = index($0, "="); name = substr($0, 1, at - 1) }
    at > 1 && index(wanted, " " name " ") { made[name] = value_check(substr($0, at + 1)) }
    END { print "made:"; for (name in made) print "  " name ": " made[name] }' "$file"
}

# An owed restart is recorded before the first file changes, and the record stays until the service
# was restarted: so the restart happens even after a crash in between.
owe_restart() { # NAME
  [ -d "$owed" ] || mkdir -p "$owed" || return
  : >"$owed/$1"
}
# The records are removed together with the lock: one too many costs a restart, but one too few
# would leave a service with old settings.
ended_stop() { [ ! -e "$stopped/$1" ] || rm -f "$stopped/$1"; } # SERVICE: no longer stopped by hand
paid_restart() { [ ! -e "$owed/$1" ] || paid="$paid $owed/$1"; }

# Hermes' exit code does not show whether the unit was written: check the file instead.
write_unit() { # PATH MARK SECONDS WORDS...
  unit=$1
  mark=$2
  shift 2
  said=$(scrubbed "$@" 2>&1)
  grep -qF -e "$mark" "$unit" 2>/dev/null && return 0
  printf '%s' "$said"
  return 1
}

make_folder() { # MODE PATH
  mkdir -p "$2" && { [ "$1" = - ] || chmod "$1" "$2"; }
}
make_link() { # TARGET PATH
  [ -d "${2%/*}" ] || mkdir -p "${2%/*}" || return
  [ ! -e "$2" ] && [ ! -L "$2" ] || rm -f "$2"
  ln -s "$1" "$2"
}
remove() { rm -rf "$1"; }
move_to() { # PATH NEW-PATH: nothing may be there
  [ ! -e "$2" ] && [ ! -L "$2" ] && { [ -d "${2%/*}" ] || mkdir -p "${2%/*}"; } && mv "$1" "$2"
}
# A command of Hermes has its profile at the end of its second line.
retarget() { # COMMAND NEW-PATH OLD-PROFILE NEW-PROFILE
  command_text=$(sed "2s/ -p $3 \"\$@\"\$/ -p $4 \"\$@\"/" "$1") || return
  to=$2
  [ "$1" = "$to" ] || { [ ! -e "$to" ] && [ ! -L "$to" ]; } || to=$1
  (umask 077 && printf '%s\n' "$command_text" >"$1.new" && chmod 755 "$1.new" && mv -f "$1.new" "$to") || return
  [ "$1" = "$to" ] || rm -f "$1"
}
# The members were checked before the archive was sent. A profile without a .env would be given that
# of another one by Hermes' own update. What we note beside a profile counts for its old host alone.
# What a gateway left that ran elsewhere is not unpacked: its processes are others here.
of_a_run='gateway.pid gateway.lock gateway_state.json gateway-starts.log .gateway-* .drain_request.json
  .restart_*.json .clean_shutdown processes.json gateway/restart_loop.json state/gateway.heartbeat'
unpack() { # ARCHIVE TOP FOLDER
  rm -rf "$state/unpacked"
  # shellcheck disable=SC2086 # patterns
  (umask 077 && mkdir -p "$state/unpacked" "${3%/*}" \
    && tar -x -z -o -f "$1" -C "$state/unpacked" && cd "$state/unpacked/$2" \
    && rm -rf .hermes-ops* $of_a_run && chmod -R u-s,go= . && chmod 700 . && { [ -e .env ] || : >.env; }) \
    && [ ! -e "$3" ] && [ ! -L "$3" ] && mv "$state/unpacked/$2" "$3"
  code=$?
  rm -rf "$state/unpacked" "$1"
  return $code
}

# Prints the line of KEY in the file on the host, for values that stay there; the last one counts.
kept_line() { # FILE KEY
  awk -v key="$2" '{ line = $0; sub(/^[ \t]*(export[ \t]+)?/, "", line) }
    index(line, key "=") == 1 { kept = $0 } END { print kept }' "$1"
}
new_line() { # KEY BYTES
  random=$(od -An -v -tx1 -N "$2" /dev/urandom) && [ -n "$random" ] || return
  printf '%s=' "$1"
  # shellcheck disable=SC2086 # joins the words that od prints
  printf '%s' $random
  printf '\n'
}
