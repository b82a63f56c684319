# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Whether another round could change the verdict on a service. The rules are those of
# `hermes/readiness`, applied to the evidence of this round, so that a wait ends with final evidence.

# What the host's manager reported in this round: sets `activity` (systemd's word), `pid`, `code`.
manager_said() { # ID
  activity=inactive
  pid=
  code=
  "${manager}_said" "$@"
}
# A service that failed for good is not waited for. Nor is one of which its manager has wanted nothing
# for three seconds: it was ordered to start, so somebody else has stopped it since. `idle` has the
# instants at which that began.
idle=' '
is_over() { # ID
  manager_said "$1"
  [ "$activity" != failed ] || return 0
  if [ "$activity:$pid" = inactive: ]; then
    case $idle in *" $1="*) ;; *) idle="$idle$1=$instant " ;; esac
    was=${idle#*" $1="}
    [ $((instant - ${was%% *})) -ge 300 ]
  else
    case $idle in *" $1="*) was=${idle#*" $1="} idle="${idle%%" $1="*} ${was#* }" ;; esac
    return 1
  fi
}

is_settled() { # ID HOME PLATFORM...; HOME is empty if the service is not a Hermes gateway
  manager_said "$1"
  shift
  [ "$activity" != deactivating ] || {
    ending=1
    [ -z "$1" ] || ! readable "$1/gateway_state.json" || { count_turns "$1"; turns=$((turns + agents)); }
  }
  [ -z "$1" ] || looks_up "$1" || return 1
  if [ -z "$pid" ]; then
    ! may_get_process
    return
  fi
  case $activity in activating | deactivating) return 1 ;; esac
  is_old_enough "$pid" || return 1
  [ -z "$1" ] || { names_process && shift && ! is_connecting "$@"; }
}
may_get_process() { # an end with any other code counts as a failure, although the manager restarts it
  case $activity:$code in
    active:* | deactivating:* | activating: | activating:0 | activating:75) return 0 ;;
    *) return 1 ;;
  esac
}

# The settle time counts from the start of the process, which may be long after the wait began.
is_old_enough() { # PID: sets `born` and `age`, in the kernel's hundredths of a second
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

# Whether the state file is of this process: it outlives its process, and pids are used again.
names_process() {
  case $entries in *"\"pid\":$pid"[,\}]*) ;; *) return 1 ;; esac
  [ -n "$born" ] || return 0
  case $entries in *"\"start_time\":$born"[,\}]*) return 0 ;; *'"start_time":'[0-9]*) return 1 ;; esac
}

# Hermes connects its platforms in parallel; if one refused, there is nothing to wait for.
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
