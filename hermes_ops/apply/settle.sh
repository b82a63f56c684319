# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Whether looking again would change the verdict on a service. The questions are those of
# `hermes/readiness`, asked of what this round has shown, so that a wait ends with evidence that is final.

# What the host's manager said in this round: sets `activity` (systemd's word), `pid` and `code`.
manager_said() { # ID
  activity=inactive
  pid=
  code=
  "${manager}_said" "$@"
}
# What ended for good is not waited for.
has_failed() { # ID
  manager_said "$1"
  [ "$activity" = failed ]
}

is_settled() { # ID HOME PLATFORM...; without a HOME it is no gateway of Hermes
  manager_said "$1"
  shift
  [ -z "$1" ] || looks_up "$1" || return 1
  if [ -z "$pid" ]; then
    ! may_get_process
    return
  fi
  [ "$activity" != deactivating ] && is_old_enough "$pid" || return 1
  [ -z "$1" ] || { names_process && shift && ! is_connecting "$@"; }
}
may_get_process() { # an end with another code than these is told as a failure, though it starts anew
  case $activity:$code in
    active:* | deactivating:* | activating: | activating:0 | activating:75) return 0 ;;
    *) return 1 ;;
  esac
}

# A service settles from the start of its process on, which may be long after the wait began.
is_old_enough() { # PID: sets `born` and `age`, in hundredths of a second as the kernel counts
  born=
  age=
  [ -d /proc/self ] || { kill -0 "$1" 2>/dev/null; return; }
  [ -r "/proc/$1/stat" ] && read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  # shellcheck disable=SC2086 # its fields, one argument each
  set -- ${line##*) }
  case $1 in Z | X) return 1 ;; esac
  born=${20}
  [ -n "$uptime" ] || return 0
  age=$((instant - born))
  [ "$age" -ge "$settle" ]
}

# The state file outlives its process, and its number may be given to another.
names_process() {
  case $entries in *"\"pid\":$pid"[,\}]*) ;; *) return 1 ;; esac
  [ -n "$born" ] || return 0
  case $entries in *"\"start_time\":$born"[,\}]*) return 0 ;; *'"start_time":'[0-9]*) return 1 ;; esac
}

# Hermes connects its platforms side by side; one that refused is told at once.
is_connecting() { # PLATFORM...
  [ -n "$age" ] && [ "$age" -lt "$connect" ] || return 1
  connecting=
  for platform; do
    case $entries in
      *"\"$platform\":{\"state\":\"connected\""*) ;;
      *"\"$platform\":{\"state\":\"connecting\""*) connecting=1 ;;
      *) return 1 ;;
    esac
  done
  [ -n "$connecting" ]
}
