# shellcheck shell=sh disable=SC2154,SC2034
# Changes one host: under its lock, one profile after the other, each change told when it is done.

lock=$state/lock
broken=' '   # profiles of which a step failed: their later steps are skipped
paid=        # restarts that were owed, and happened
sudo_password=
drains=      # requests to drain, taken back when the restarts are ordered
gone=        # set when the operator's end of the connection is gone

# Without an operator we finish the profile in hand and stop: nothing is left half-written.
tell() { say "$@" 2>/dev/null || gone=1; }

started_at() {
  if [ -r "/proc/$1/stat" ]; then
    read -r line 2>/dev/null <"/proc/$1/stat" || return 1
    # shellcheck disable=SC2086
    set -- ${line##*) }
    printf '%s' "${20}"
  else
    ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_'
  fi
}

# The owner's first line is: boot pid start-time; the rest is for people.
owner_lives() {
  read -r owner_boot owner_pid owner_start _ 2>/dev/null <"$lock/owner" || return 0
  [ "$owner_boot" = "${boot:--}" ] && [ -n "$owner_start" ] && [ "$(started_at "$owner_pid")" = "$owner_start" ]
}

# Two may find the same dead owner: one claims it, and looks again, for by then the lock may be new.
# A claim is the work of a moment: one that is a minute old was left by somebody who died over it.
take_over() { # fails if the lock is another's for now
  [ -z "$(find "$lock/claim" -prune -mmin +1 2>/dev/null)" ] || rmdir "$lock/claim" 2>/dev/null
  mkdir "$lock/claim" 2>/dev/null || return
  if { [ -s "$lock/owner" ] || [ $nameless -le 5 ]; } && owner_lives; then
    rmdir "$lock/claim" 2>/dev/null
    return 1
  fi
  mv "$lock" "$lock.dead.$$" 2>/dev/null || return
  begin lock-taken-over
  sed 1d "$lock.dead.$$/owner" 2>/dev/null
  end
  rm -rf "$lock.dead.$$"
  nameless=0
}

take_lock() { # SECONDS TEXT
  [ -d $state ] || mkdir -p $state || { tell "fatal $HOME/$state cannot be made"; exit 0; }
  waited=0
  nameless=0
  absent=0
  until mkdir "$lock" 2>/dev/null; do
    # Given back just now, or not to be made at all: a few tries tell.
    if [ ! -d "$lock" ]; then
      [ $absent -lt 5 ] || { tell "fatal $HOME/$lock cannot be made: is the disk full?"; exit 0; }
      absent=$((absent + 1))
      waited=$((waited + 1))
      continue
    fi
    absent=0
    if [ -s "$lock/owner" ]; then nameless=0; else nameless=$((nameless + 1)); fi
    if [ $nameless -gt 5 ] || ! owner_lives; then take_over && continue; fi
    [ $((waited % 5)) -ne 0 ] || tell_owner
    [ $waited -lt "$1" ] || { tell lock-refused; exit 0; }
    [ -z "$gone" ] || exit 0
    sleep 1
    waited=$((waited + 1))
  done
  trap release_lock EXIT
  trap 'exit 0' TERM INT
  printf '%s %s %s\n%s\n' "${boot:--}" $$ "$(started_at $$)" "$2" >"$lock/owner" || {
    tell "fatal the disk of $HOME is full or cannot be written"
    exit 0
  }
  tell "lock-taken $waited"
}
tell_owner() { { begin lock-held; sed 1d "$lock/owner"; end; } 2>/dev/null || gone=1; }
# It goes as it came, at once: whoever looks finds it whole or not at all, and claims it or not.
release_lock() {
  # shellcheck disable=SC2086
  [ -z "$paid$drains" ] || rm -rf $paid $drains
  mv "$lock" "$lock.gone.$$" 2>/dev/null
  rm -rf "$lock".gone.*
  paid=
  drains=
}

# `-` stands for the host itself: what breaks there, breaks it for every profile.
is_broken() { case $broken in *" $profile "* | *' - '*) return 0 ;; *) return 1 ;; esac; }
breaks() { broken="$broken$profile "; }
failed() { # CHANGE REASON
  breaks
  tell "change $1 failed $2"
}
skipped() { # CHANGE...
  for change; do tell "change $change skipped"; done
}

# Has anything of this profile moved since the look? PATH DIGEST pairs; `-` is absent, `+` exists.
moved() {
  while [ $# -gt 1 ]; do
    case $2 in
      -) [ ! -e "$1" ] && [ ! -L "$1" ] || return 0 ;;
      +) [ -e "$1" ] || return 0 ;;
      *)
        found=$(digest "$1")
        [ "${found%% *}" = "$2" ] || return 0
        ;;
    esac
    shift 2
  done
  return 1
}

run() { # CHANGE COMMAND...
  change=$1
  shift
  if is_broken; then
    skipped "$change"
  elif output=$("$@" 2>&1 </dev/null); then
    tell "change $change done"
  else
    code=$?
    begin "output $change" 2>/dev/null || gone=1
    printf '%s' "$output" | tail -n 12 2>/dev/null
    end 2>/dev/null || gone=1
    failed "$change" "exit $code"
  fi
}

# Like `run`, for what may fail: it is told, and nothing else is skipped for it.
try_run() { # CHANGE COMMAND...
  before=$broken
  run "$@"
  broken=$before
}

# These set variables: a `$(…)` would be one more process for each file.
real_path() { # PATH: sets `path`
  path=$1
  [ ! -L "$1" ] || path=$(readlink -f "$1")
}
temporary() { # PATH: sets `path` and `staged`
  real_path "$1"
  case $path in */*) ;; *) path=./$path ;; esac
  staged=${path%/*}/.${path##*/}.hermes-ops.$$
}
sweep() { # what an earlier run left of `path`
  for stale in "${path%/*}/.${path##*/}.hermes-ops."*; do
    [ ! -e "$stale" ] || rm -f "$stale"
  done
}

# One process for all folders that are missing; whether one can be made is told by its first file.
make_parents() { # PATH...
  for file; do
    shift
    case $file in */*) [ -d "${file%/*}" ] || set -- "$@" "${file%/*}" ;; esac
  done
  [ $# -eq 0 ] || mkdir -p "$@" 2>/dev/null
}
# The content is printed by the shell's own printf: it stands in no argument list, in no other file,
# and costs no process. What may be secret is 0600 from its first byte on.
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
# Every file of a profile is complete on the disk before the first one is renamed.
end_stage() { # STATUS CHANGE MODE PATH
  umask 022
  case $3 in
    600 | 644) [ "$1" -eq 0 ] && return ;;
    *) [ "$1" -eq 0 ] && chmod "$3" "$staged" && return ;;
  esac
  rm -f "$staged"
  unwritten "$2" "$4"
}
unwritten() { failed "$1" "$2 cannot be written: is the disk full, or the folder another's?"; }
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
  [ -e "$staged" ] || return 0 # told already, when it was staged
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

# Told later from the note: whether what was written is still there. Without it, nobody knows.
keep_note() { # PATH TEXT
  [ -d "${1%/*}" ] || mkdir -p "${1%/*}" || return 0
  (umask 077 && printf '%s' "$2" >"$1.new" && mv -f "$1.new" "$1")
}

# What a person must restart is written down before the first file changes, and stays until a
# restart was seen: a crash in between still ends in a restart.
owe_restart() { # NAME
  [ -d $state/restart ] || mkdir -p $state/restart || return
  : >"$state/restart/$1"
}
# Forgotten with the lock, all at once: a debt too many costs a restart, one too few an old setting.
paid_restart() { [ ! -e $state/restart/"$1" ] || paid="$paid $state/restart/$1"; }

# Hermes' exit codes are no evidence: that the unit was written is seen from the file.
write_unit() { # PATH SECONDS WORDS...
  unit=$1
  shift
  said=$(scrubbed "$@" 2>&1)
  grep -q 'gateway run' "$unit" 2>/dev/null && return 0
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

# A line that the host keeps is found again in the file that is there; the last one counts.
kept_line() { # FILE KEY
  awk -v key="$2" '{ line = $0; sub(/^[ \t]*(export[ \t]+)?/, "", line) }
    index(line, key "=") == 1 { kept = $0 } END { print kept }' "$1"
}
new_line() { # KEY BYTES
  random=$(od -An -v -tx1 -N "$2" /dev/urandom) && [ -n "$random" ] || return
  printf '%s=' "$1"
  # shellcheck disable=SC2086
  printf '%s' $random
  printf '\n'
}

as_root() { # WORDS...: the password, where sudo wants one, came on our input and goes to its
  if [ -n "$sudo_password" ]; then
    printf '%s\n' "$sudo_password" | sudo -S -p '' "$@" >/dev/null 2>&1
  else
    sudo -n "$@" >/dev/null 2>&1
  fi
}
enable_linger() {
  lingers && return 0
  if [ "$uid" = 0 ]; then
    loginctl enable-linger "$user"
  else
    loginctl --no-ask-password enable-linger >/dev/null 2>&1 || as_root loginctl enable-linger "$user"
  fi
  lingers || { printf 'no right to enable linger'; return 77; }
}
await_bus() {
  tries=0
  until user_bus; do
    [ $tries -lt 60 ] || { printf 'no user service manager after 15 s'; return 1; }
    sleep 0.25
    tries=$((tries + 1))
  done
}
linger() { enable_linger && await_bus; }

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

systemd_reload() { systemctl --user daemon-reload; }
# What one call can order for several units; where it fails, each is asked alone and says why.
ahead=' '
systemd_ahead() { # VERB UNIT...
  [ $# -gt 2 ] || return 0
  systemd_order "$@" >/dev/null 2>&1 && ahead="$ahead$* "
}
systemd_order() { # VERB UNIT...
  verb=$1
  shift
  case $verb in stop | *-new) ;; *) systemctl --user reset-failed "$@" 2>/dev/null ;; esac
  systemctl --user --no-block "${verb%-new}" "$@"
}
systemd_do() { # VERB UNIT
  case $ahead in *" $2 "*) ;; *) systemd_order "$@" || return ;; esac
  [ "$1" != stop ] || systemd_stopped "$2"
}
systemd_stopped() {
  tries=0
  while :; do
    case $(systemctl --user show -p ActiveState --value "$1") in inactive | failed | '') break ;; esac
    [ $tries -lt 360 ] || return 1
    sleep 0.25
    tries=$((tries + 1))
  done
  systemctl --user reset-failed "$1" 2>/dev/null
  return 0
}

supervisor_up() {
  supervisor_alive && return 0
  rm -f $state/supervisord.pid $state/supervisor.sock
  mkdir -p $state
  scrubbed 20 $share/supervisor/current/venv/bin/supervisord -c "$supervisor_conf" || return
  tries=0
  until supervisor_alive && [ -S $state/supervisor.sock ]; do
    [ $tries -lt 40 ] || { printf 'supervisord did not start; see %s/supervisord.log' "$state"; return 1; }
    sleep 0.25
    tries=$((tries + 1))
  done
}
supervisor_pid_of() {
  supervisorctl pid "$1" 2>/dev/null | sed -n 's/^\([1-9][0-9]*\)$/\1/p'
}
supervisor_do() { # VERB PROGRAM HOME
  if [ "$1" = stop ]; then
    supervisor_alive || return 0
    plan_stop "$3" "$(supervisor_pid_of "$2")"
    supervisorctl stop "$2" >/dev/null
    supervisorctl update "$2" >/dev/null
    supervisor_idle && supervisorctl shutdown >/dev/null
    return 0
  fi
  supervisor_up || return
  [ "$1" = start ] || { plan_stop "$3" "$(supervisor_pid_of "$2")"; supervisorctl stop "$2" >/dev/null; }
  supervisorctl update "$2" >/dev/null || return
  supervisorctl start "$2" >/dev/null
  case $(supervisorctl status "$2") in *RUNNING* | *STARTING*) return 0 ;; esac
  supervisorctl status "$2"
  return 1
}
supervisor_idle() {
  case $(supervisorctl status) in *RUNNING* | *STARTING* | *BACKOFF* | *STOPPING*) return 1 ;; esac
}

# The environment is made and used through the `current` link, so that every path in it agrees.
# The stamp comes last: without it the next run begins anew.
install_program() { # NAME VERSION PYTHON PIP-WHEEL STAMP SECONDS REQUIREMENT... (pip's words)
  base=$HOME/$share/$1
  version=$2 python=$3 wheel=$4 stamp=$5 limit=$6
  shift 6
  mkdir -p "$base/$version" || return
  [ "$(readlink "$base/current")" = "$version" ] || point_current "$base" "$version" || return
  [ -f "$base/current/hermes-ops.json" ] || {
    rm -rf "$base/current/venv"
    scrubbed 120 "$python" -m venv --without-pip "$base/current/venv" || return
  }
  pip_environment "$limit" "$base/current/venv/bin/python" "$HOME/$wheel/pip" --no-input \
    --disable-pip-version-check --quiet install --no-warn-script-location "$@" || return
  printf '%s\n' "$stamp" >"$base/current/.stamp.new" &&
    mv "$base/current/.stamp.new" "$base/current/hermes-ops.json"
}
point_current() { # FOLDER VERSION
  rm -f "$1/current" && ln -s "$2" "$1/current"
}
pip_environment() { # SECONDS WORDS...
  seconds_left=$1
  shift
  limited "$seconds_left" env -i HOME="$HOME" USER="$user" LOGNAME="$user" PATH="$PATH" LANG=C.UTF-8 \
    ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} ${PIP_EXTRA_INDEX_URL:+PIP_EXTRA_INDEX_URL="$PIP_EXTRA_INDEX_URL"} \
    ${PIP_CERT:+PIP_CERT="$PIP_CERT"} ${PIP_FIND_LINKS:+PIP_FIND_LINKS="$PIP_FIND_LINKS"} \
    ${https_proxy:+https_proxy="$https_proxy"} ${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} \
    ${SSL_CERT_FILE:+SSL_CERT_FILE="$SSL_CERT_FILE"} "$@" </dev/null
}

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

# What ended for good is not waited for. The names are those of systemd and of supervisord.
has_failed() { # UNIT PROGRAM
  case $units in
    *ActiveState=failed*) [ "$(systemctl --user is-failed -- "$1" 2>/dev/null)" != failed ] || return 0 ;;
  esac
  case $newline$programs in
    *"$newline$2 "*) ;;
    *) return 1 ;;
  esac
  program=${programs##*"$2 "}
  # shellcheck disable=SC2086
  set -- $program
  case $1 in FATAL | EXITED) return 0 ;; *) return 1 ;; esac
}

# The last lines of a log: of Hermes' warnings, else of what it says at all, each if it was written
# just now; else what the manager caught.
send_log() { # UNIT PROGRAM HOME
  log=
  for file in "$3/logs/errors.log" "$3/logs/gateway.log" "$state/$2.log"; do
    [ -n "$log" ] || [ ! -f "$file" ] || [ -z "$(find "$file" -mmin -2 2>/dev/null)" ] || log=$(tail -n 8 "$file")
  done
  [ -n "$log" ] || ! has journalctl || log=$(journalctl --user -q -n 8 -o cat -u "$1" 2>/dev/null </dev/null)
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
