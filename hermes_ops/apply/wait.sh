# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Waiting until what was started is ready.

# A wait only decides when to stop looking; what was seen is judged by the operator's program.
looks_up() { # HOME
  [ -r "$1/gateway_state.json" ] || return 1
  case $(tr -d ' \n' 2>/dev/null <"$1/gateway_state.json") in
    *'"gateway_state":"running"'*) ;;
    *) return 1 ;;
  esac
  recorded_lives "$1"
}
recorded_lives() { # HOME
  kill -0 "$(sed -n 's/.*"pid": *\([0-9][0-9]*\).*/\1/p' "$1/gateway_state.json" 2>/dev/null | head -n 1)" 2>/dev/null
}
are_connected() { # HOME PLATFORM...
  entries=$(tr -d ' \n' 2>/dev/null <"$1/gateway_state.json")
  shift
  for platform; do
    case $entries in *"\"$platform\":{\"state\":\"connected\""*) ;; *) return 1 ;; esac
  done
}

# The last lines of a log: of Hermes' warnings, else of what it says at all, each if it was written
# just now; else what the manager caught, which WORDS print.
send_log() { # HOME WORDS...
  log=
  for file in "$1/logs/errors.log" "$1/logs/gateway.log"; do
    [ -n "$log" ] || [ ! -f "$file" ] || [ -z "$(find "$file" -mmin -2 2>/dev/null)" ] || log=$(tail -n 8 "$file")
  done
  shift
  [ -n "$log" ] || log=$("$@")
  begin "log $profile"
  printf '%s' "$log" | cut -c1-300
  end
}
clock() {
  if [ -r /proc/uptime ]; then
    read -r seconds _ </proc/uptime
    say "uptime $seconds"
    seconds=${seconds%%.*}
  else
    seconds=$(date +%s)
  fi
  printf '%s now ' "$nonce"
  date +%s
}
# `round` is written for each script: it shows everything once, and clears `ready` if it should.
await() { # SECONDS SETTLE
  clock 2>/dev/null || gone=1
  begun=$seconds
  while [ -z "$gone" ]; do
    tell round
    clock
    ready=1
    pids=
    round
    [ -z "$ready" ] || [ $((seconds - begun)) -lt "$2" ] || break
    [ $((seconds - begun)) -lt "$1" ] || break
    sleep 0.5
  done
}
