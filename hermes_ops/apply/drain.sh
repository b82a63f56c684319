# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Gateways that end: announced, drained, ended for certain.

# The marker makes Hermes end with 0 and `stopped`; without it a stop counts as a crash.
plan_stop() { # HOME PID
  [ -n "$2" ] && [ -d "$1" ] || return 0
  (umask 077 && printf '{"target_pid": %s, "target_start_time": null, "stopper_pid": %s, "written_at": "%s"}\n' \
    "$2" $$ "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)" >"$1/.gateway-planned-stop.json")
}
end_process() { # HOME PID: TERM, wait, KILL
  kill -0 "$2" 2>/dev/null || return 0 # its own manager has ended it, perhaps
  plan_stop "$1" "$2"
  kill "$2" 2>/dev/null
  tries=0
  while kill -0 "$2" 2>/dev/null; do
    [ $tries -ne 40 ] || kill -KILL "$2" 2>/dev/null
    [ $tries -lt 48 ] || return 1
    sleep 0.25
    tries=$((tries + 1))
  done
}

# A gateway that drains takes no new turn and ends those that it has. The request is of this boot,
# so that none survives a crash of the host; it goes with the lock, when the restart is ordered.
drain_gateway() { # HOME SECONDS
  request=$1/.drain_request.json
  # One that somebody else made is waited for as well, and left to them.
  [ -e "$request" ] || { looks_up "$1" && request_drain "$request"; } || return 0
  tries=0
  until drained "$1" || [ $tries -ge $(($2 * 4)) ]; do
    sleep 0.25
    tries=$((tries + 1))
  done
}
request_drain() { # PATH
  drains="$drains $1"
  epoch=
  [ ! -r /proc/1/stat ] || epoch=$boot:$(started_at 1)
  (umask 077 && printf '{"action": "drain", "requested_at": "%s", "principal": "hermes-ops", "epoch": "%s", "suppress_notification": true}\n' \
    "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)" "$epoch" >"$1.new" && mv -f "$1.new" "$1")
}
drained() { # HOME: no turn is left, or nobody is
  recorded_lives "$1" || return 0
  case $(tr -d ' \n' 2>/dev/null <"$1/gateway_state.json") in
    *'"gateway_state":"draining"'*'"active_agents":0'*) return 0 ;;
    *'"active_agents":0'*'"gateway_state":"draining"'*) return 0 ;;
  esac
  return 1
}

# Hermes makes a process wait before it works when it counts six starts in two minutes, and it
# counts the starts that we order. Ours are no storm.
reset_storm() { [ ! -e "$1/gateway-starts.log" ] || rm -f "$1/gateway-starts.log"; }
