# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Wait until the started services are ready.

# The wait only decides when to stop looking; the operator's program judges the evidence.
looks_up() { # HOME: sets `entries`, which is the state without blanks
  readable "$1/gateway_state.json" || return 1
  entries=$(tr -d ' \n' 2>/dev/null <"$1/gateway_state.json")
  case $entries in
    *'"gateway_state":"running"'*) ;;
    *) return 1 ;;
  esac
  recorded=${entries#*'"pid":'}
  kill -0 "${recorded%%[!0-9]*}" 2>/dev/null
}
recorded_lives() { # HOME
  readable "$1/gateway_state.json" || return 1
  kill -0 "$(recorded_pid "$1")" 2>/dev/null
}
recorded_pid() { sed -n 's/.*"pid": *\([0-9][0-9]*\).*/\1/p' "$1/gateway_state.json" 2>/dev/null | head -n 1; } # HOME
are_connected() { # HOME PLATFORM...
  readable "$1/gateway_state.json" || return 1
  entries=$(tr -d ' \n' 2>/dev/null <"$1/gateway_state.json")
  shift
  for platform; do
    case $entries in *"\"$platform\":{\"state\":\"connected\""*) ;; *) return 1 ;; esac
  done
}

# What the logs of a gateway have before it is started is no reason of this start.
log_sizes=
log_since=
mark_logs() { # HOME ID
  [ -n "$log_since" ] || log_since=$(date +%s)
  for file in "$1/logs/errors.log" "$1/logs/gateway.log" "$1/logs/gateway.error.log" "$state/$2.log"; do
    [ ! -f "$file" ] || log_sizes="$log_sizes$(wc -c <"$file") $file$newline"
  done
}
since_mark() { # FILE: prints the last lines that were written since, or of all if it was begun anew
  set -- "${1#"$HOME/"}"
  case $log_sizes in
    *" $1$newline"*)
      marked=${log_sizes%" $1$newline"*}
      marked=${marked##*"$newline"}
      ;;
    *) marked=0 ;;
  esac
  [ "$(wc -c <"$1")" -ge "$marked" ] || marked=0
  tail -c "+$((marked + 1))" "$1" | tail -n 8
}
# Send the last lines of a log: Hermes' error log, else its gateway log, if written in the last two
# minutes and since the start; else the output that the manager kept, which WORDS print.
send_log() { # HOME WORDS...
  log=
  for file in "$1/logs/errors.log" "$1/logs/gateway.log"; do
    [ -n "$log" ] || [ ! -f "$file" ] || [ -z "$(find "$file" -mmin -2 2>/dev/null)" ] || log=$(since_mark "$file")
  done
  shift
  [ -n "$log" ] || log=$("$@")
  begin "log $profile"
  printf '%s' "$log" | cut -c1-300
  end
}
clock() { # sets `instant`, in hundredths of a second
  now=$(date +%s)
  uptime=
  if [ -r /proc/uptime ]; then
    read -r uptime _ </proc/uptime
    say "uptime $uptime"
    # The 1 keeps a fraction such as 08 from being read as octal.
    instant=$((${uptime%.*} * 100 + 1${uptime#*.} - 100))
  else
    instant=$((now * 100))
  fi
  say "now $now"
}
# `round` is generated for each script: it sends all evidence once, and clears `ready` if a service
# is not ready yet.
# The time counts from the end of the old process, which its manager may still let finish.
counts_from=0
ready_limit=0
await() { # SECONDS SETTLE CONNECT HOME...: the second and third in hundredths
  ready_limit=$(($1 * 100))
  settle=$2
  connect=$3
  shift 3
  clock 2>/dev/null || gone=1
  counts_from=$instant
  ended=$((instant + ${longest:-0} * 100 + 1000))
  were=
  while [ -z "$gone" ]; do
    tell round
    clock
    ready=1
    pids=
    ending=
    turns=0
    round
    # Its manager lets it end: how many turns it waits for, every two seconds.
    [ -z "$ending" ] || {
      left=$(((ended - 1000 - instant) / 100))
      [ "$left" -le 0 ] || [ $((left % 2)) -ne 0 ] || tell "ending $turns $left"
    }
    # What ends later is a new process that has failed, perhaps again and again.
    [ -n "$ending" ] || [ -z "$were" ] || ended=0
    were=$ending
    [ -z "$ending" ] || [ "$instant" -ge "$ended" ] || counts_from=$instant
    [ -z "$ready" ] || [ $((instant - counts_from)) -lt "$settle" ] || break
    [ $((instant - counts_from)) -lt "$ready_limit" ] || { tell limit; break; }
    pause "$@"
  done
}
# Looks slow down the starts that they wait for: on a busy host they get a quarter of the time, and only
# each fourth is whole until all gateways say that they run: to ask these takes a tenth of it.
pause() { # HOME...; uses `instant`, when the last look began
  nap=50
  if [ -n "$uptime" ]; then
    read -r uptime _ </proc/uptime
    nap=$((3 * (${uptime%.*} * 100 + 1${uptime#*.} - 100 - instant)))
    [ "$nap" -ge 50 ] || nap=50
    [ "$nap" -le 200 ] || nap=200
  fi
  doze
  [ -z "$ending" ] && [ $((instant - counts_from + 4 * nap)) -lt "$ready_limit" ] || return 0
  for _ in 1 2 3; do
    if all_look_up "$@"; then return; fi
    doze
  done
}
doze() { sleep $((nap / 100)).$((nap % 100 / 10)); }
all_look_up() { # HOME...
  for home; do looks_up "$home" || return; done
}
