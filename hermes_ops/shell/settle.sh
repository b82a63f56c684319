# shellcheck shell=sh disable=SC2154,SC2034
# Whether looking again would change the verdict on a service. The questions are those of
# `readiness.py`, asked of what this round has shown, so that a wait ends with evidence that is final.

# What the host's manager said in this round: sets `activity` (systemd's word), `pid` and `code`.
manager_said() { # UNIT PROGRAM
  activity=inactive
  pid=
  code=
  "${manager}_said" "$@"
}
systemd_said() { # UNIT: the units stand in blocks, an empty line between them
  blocks="$newline$newline$units$newline$newline"
  case $blocks in *"${newline}Id=$1$newline"*) ;; *) return 0 ;; esac
  above=${blocks%%"${newline}Id=$1$newline"*}
  below=${blocks#*"${newline}Id=$1$newline"}
  set -f
  IFS=$newline
  for line in ${above##*"$newline$newline"} ${below%%"$newline$newline"*}; do
    case $line in
      ActiveState=*) activity=${line#*=} ;;
      MainPID=[1-9]*) pid=${line#*=} ;;
      ExecMainStatus=*) code=${line#*=} ;;
    esac
  done
  set +f
  unset IFS
}
supervisord_said() { # UNIT PROGRAM
  case $newline$programs in *"$newline$2 "*) ;; *) return 0 ;; esac
  said=$newline$programs
  said=${said#*"$newline$2 "}
  # shellcheck disable=SC2086
  set -- ${said%%"$newline"*}
  case $1 in
    RUNNING) activity=active ;;
    STARTING | BACKOFF) activity=activating ;;
    STOPPING) activity=deactivating ;;
    FATAL | EXITED | UNKNOWN) activity=failed ;;
  esac
  [ "$2" != pid ] || pid=${3%,}
}

# What ended for good is not waited for.
has_failed() { # UNIT PROGRAM
  manager_said "$1" "$2"
  [ "$activity" = failed ]
}

is_settled() { # UNIT PROGRAM HOME PLATFORM...; without a HOME it is no gateway of Hermes
  manager_said "$1" "$2"
  shift 2
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
  # shellcheck disable=SC2086
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
