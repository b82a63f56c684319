# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Stop gateways: announce the stop, drain, and end the process if it does not end itself.

# The marker makes Hermes end with 0 and `stopped`; without it a stop counts as a crash.
plan_stop() { # HOME PID
  [ -n "$2" ] && [ -d "$1" ] || return 0
  (umask 077 && printf '{"target_pid": %s, "target_start_time": null, "stopper_pid": %s, "written_at": "%s", %s}\n' \
    "$2" $$ "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)" "$(signed 60)" >"$1/.gateway-planned-stop.json")
}
end_process() { # HOME PID: TERM, wait, KILL
  kill -0 "$2" 2>/dev/null || return 0 # it is gone: perhaps its own manager ended it
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

# Whose a mark is, in which boot, and until when it counts: what is left of us is removed later.
signed() { # SECONDS
  printf '"owner": %s, "boot": "%s", "expires_at": %s' "${holder:-null}" "$boot" $(($(date +%s) + $1))
}

# A draining gateway accepts no new turn and finishes those that it has. The request names this
# boot, so that it has no effect after a crash of the host. It is removed together with the lock,
# after the restart was ordered.
drain_gateway() { # HOME SECONDS
  request=$1/.drain_request.json
  # If somebody else requested a drain, wait for it as well, but do not remove their request.
  [ -e "$request" ] || { looks_up "$1" && request_drain "$request" "$2"; } || return 0
  tries=0
  until drained "$1" || [ $tries -ge $(($2 * 4)) ]; do
    sleep 0.25
    tries=$((tries + 1))
  done
}
request_drain() { # PATH SECONDS
  drains="$drains $1"
  epoch=
  [ ! -r /proc/1/stat ] || epoch=$boot:$(started_at 1)
  (umask 077 && printf '{"action": "drain", "requested_at": "%s", "principal": "hermes-ops", "epoch": "%s", "suppress_notification": true, %s}\n' \
    "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)" "$epoch" "$(signed $(($2 + 120)))" >"$1.new" && mv -f "$1.new" "$1")
}
drained() { # HOME: no turn is left, or the gateway is gone
  recorded_lives "$1" || return 0
  case $(tr -d ' \n' 2>/dev/null <"$1/gateway_state.json") in
    *'"gateway_state":"draining"'*'"active_agents":0'*) return 0 ;;
    *'"active_agents":0'*'"gateway_state":"draining"'*) return 0 ;;
  esac
  return 1
}

# After six starts in two minutes Hermes delays the next one. It also counts the starts that we
# order, so we reset its count.
reset_storm() { [ ! -e "$1/gateway-starts.log" ] || rm -f "$1/gateway-starts.log"; }
