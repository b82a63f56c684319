# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Stop gateways: announce the stop, drain, and end the process if it does not end itself.

# The marker makes Hermes end with 0 and `stopped`; without it a stop counts as a crash.
plan_stop() { # HOME PID
  [ -n "$2" ] && [ -d "$1" ] || return 0
  (umask 077 && printf '{"target_pid": %s, "target_start_time": null, "stopper_pid": %s, "written_at": "%s", %s}\n' \
    "$2" $$ "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)" "$(signed 60)" >"$1/.gateway-planned-stop.json")
}
end_process() { # HOME PID START: TERM, wait, KILL; START may be empty where the look found none
  kill -0 "$2" 2>/dev/null || return 0 # it is gone: perhaps its own manager ended it
  [ -z "$3" ] || [ "$(started_at "$2")" = "$3" ] || return 0 # the number is another process' now
  plan_stop "$1" "$2"
  kill "$2" 2>/dev/null
  kill -CONT "$2" 2>/dev/null # a suspended one would not even hear of it
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
# after the restart was ordered, or when the gateway that it was for has ended.
draining=    # the homes of the gateways that were asked, and are waited for
ask_drain() { # HOME SECONDS
  request=$1/.drain_request.json
  # If somebody else requested a drain, wait for it as well, but do not remove their request.
  [ -e "$request" ] || { looks_up "$1" && drains="$drains $request" && request_drain "$request" $(($2 + 120)) '"until": "restart", '; } || return 0
  draining="$draining $1"
}
# A drain that outlives this run: until it is ended, or its time is up.
leave_drain() { # HOME SECONDS
  request_drain "$1/.drain_request.json" "$2" || return
  draining="$draining $1"
  end_later "$1/.drain_request.json" "$2"
}
# Hermes would honour it for ever. A reboot ends both: the request names this boot.
# A shell of its own: this one's open files would keep the connection open.
end_later() { # PATH SECONDS: in the background; another request is left alone
  asked=$(cat "$1") # here: what is behind the command is expanded in the background
  sh -c 'trap "" HUP; sleep "$2"; [ "$(cat "$1")" != "$3" ] || rm -f "$1"' sh "$1" "$2" "$asked" \
    >/dev/null 2>&1 </dev/null 3>&- &
}
# Hermes reads the request once more when it is told to end: only while it is there, the gateway does
# not write to its home channel that it stops. The order may be carried out later than it is given,
# and the gateway that comes next is to take turns at once: the request goes with the process. What
# did not end in ten seconds takes turns again.
ends_drained() { # HOME
  ours=$1/.drain_request.json
  case "$drains " in *" $ours "*) ;; *) return 0 ;; esac
  kept=
  for request in $drains; do [ "$request" = "$ours" ] || kept="$kept $request"; done
  drains=$kept
  ender=$(recorded_pid "$1") asked=$(cat "$ours" 2>/dev/null) # what is behind the command is expanded in the background
  sh -c '
    trap "" HUP
    tries=0
    while [ $tries -lt 100 ] && kill -0 "$1" 2>/dev/null; do sleep 0.1; tries=$((tries + 1)); done
    [ "$(cat "$2" 2>/dev/null)" != "$3" ] || rm -f "$2"
  ' sh "$ender" "$ours" "$asked" >/dev/null 2>&1 </dev/null 3>&- &
}
# All of them side by side. One that does not even begin to drain is no longer waited for.
await_drains() { # SECONDS
  tries=0
  turns=0
  until [ -z "$draining" ] || [ $tries -ge $(($1 * 4)) ] || [ -n "$gone" ]; do
    left=
    turns=0
    for home in $draining; do
      ! drained "$home" || continue
      [ -n "$begun_drain" ] || [ $tries -lt 40 ] || continue
      left="$left $home"
      turns=$((turns + agents))
    done
    draining=$left
    [ -z "$left" ] || [ $((tries % 8)) -ne 0 ] || tell "draining $turns $(($1 - tries / 4))"
    [ -z "$left" ] || sleep 0.25
    tries=$((tries + 1))
  done
  # Nobody listens any more: what was to follow would cut the turns off that still run. What a
  # restart is due for is noted, so the next run does it.
  [ -z "$gone" ] || exit 0
  [ -z "$draining" ] || [ "$turns" = 0 ] || tell "draining $turns 0"
  draining=
}
drain_gateway() { ask_drain "$@" && await_drains "$2"; } # HOME SECONDS
request_drain() { # PATH SECONDS MORE: further entries, each with its comma
  epoch=
  [ ! -r /proc/1/stat ] || epoch=$boot:$(started_at 1)
  (umask 077 && printf '{"action": "drain", "requested_at": "%s", "principal": "hermes-ops", "epoch": "%s", "suppress_notification": true, %s%s}\n' \
    "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)" "$epoch" "$3" "$(signed "$2")" >"$1.new" && mv -f "$1.new" "$1")
}
drained() { # HOME: no turn is left, or the gateway is gone; sets `agents` and `begun_drain`
  agents=0
  begun_drain=1
  recorded_lives "$1" || return 0
  count_turns "$1"
  case $entries in *'"gateway_state":"draining"'*) ;; *) begun_drain= ;; esac
  [ -n "$begun_drain" ] && [ "$agents" = 0 ]
}

count_turns() { # HOME: sets `agents`, the turns that run, and `entries`
  agents=0
  entries=$(tr -d ' \n' 2>/dev/null <"$1/gateway_state.json")
  case $entries in *'"active_agents":'[1-9]*)
    agents=${entries#*'"active_agents":'}
    agents=${agents%%[!0-9]*}
    ;;
  esac
}

# A manager that stops a gateway gives its turns time, and says nothing meanwhile. `run` keeps what an
# order prints, so this is told beside it; a nap that is left over holds no output open.
counting=
count_down() { # HOME SECONDS
  (
    left=$2
    while [ "$left" -gt 2 ]; do
      sleep 2 >/dev/null 2>&1
      left=$((left - 2))
      ! readable "$1/gateway_state.json" || { count_turns "$1"; tell "ending $agents $left"; }
    done
  ) </dev/null 2>/dev/null &
  counting=$!
}
counted() { # killed: a shell that has just been forked may lose any other signal
  [ -z "$counting" ] || { kill -KILL "$counting"; wait "$counting"; } 2>/dev/null
  counting=
}

# After six starts in two minutes Hermes delays the next one. It also counts the starts that we
# order, so we reset its count.
reset_storm() { [ ! -e "$1/gateway-starts.log" ] || rm -f "$1/gateway-starts.log"; }
