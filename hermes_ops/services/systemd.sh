# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Look at systemd's user services, control them, and let them outlive the session.

unit_properties=Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts,Result,ExecMainStatus,StateChangeTimestampMonotonic,MemoryCurrent,TimeoutStopUSec,FragmentPath,DropInPaths,NeedDaemonReload,StatusText,ExecStart,Environment

systemd_look() { # UNIT...
  units=
  [ $# -gt 0 ] && has systemctl && user_bus || return 0
  # systemctl itself gives up after this time: a `timeout` would be one more program.
  units=$(SYSTEMD_BUS_TIMEOUT=15 systemctl --user show --property=$unit_properties -- "$@" 2>/dev/null </dev/null) ||
    { say "mute systemd"; return; }
  only_home
  begin manager systemd
  printf '%s' "$units"
  end
  set -f
  IFS=$newline
  for line in $units; do
    case $line in
      MainPID=[1-9]*) pids="$pids ${line#MainPID=}" ;;
      NRestarts=*) times=${line#*=} ;;
      StateChangeTimestampMonotonic=*) changed=${line#*=} ;;
    esac
    [ -z "$times" ] || [ -z "$changed" ] || starts_again "$times" "$changed"
  done
  set +f
  unset IFS
  [ "$again" != yes ] || look_restarts
}

# Who was started again several times, the last time within this hour, may have been so in this hour
# or long ago: only the journal tells. It is asked once, and never of units that run well.
again=
times=
changed=
starts_again() { # RESTARTS CHANGED: sets `again`; the second in microseconds since the boot
  times=
  changed=
  case $again:$1 in :[2-9] | :[1-9][0-9]*) ;; *) return 0 ;; esac
  [ -z "${uptime-}" ] || [ $((${uptime%.*} - $2 / 1000000)) -gt 3600 ] || again=yes
}
look_restarts() {
  again=asked
  has journalctl || return 0
  begin manager systemd
  journalctl --user -q --since -1h -o cat MESSAGE_ID=5eb03494b6584870a536b337290809b3 2>/dev/null </dev/null |
    sed -n 's/^\([^ ]*\): Scheduled restart.*/\1/p' | sort | uniq -c |
    while read -r times unit; do printf 'Id=%s\nRecent=%s\n\n' "$unit" "$times"; done
  end
}

# Of the environment only HERMES_HOME may leave the host: other variables can be credentials.
only_home() { # replaces in `units` each line `Environment=…` by `HermesHome=…`
  rest=$newline$units$newline
  units=
  while :; do
    case $rest in *"${newline}Environment="*) ;; *) break ;; esac
    units=$units${rest%%"${newline}Environment="*}${newline}HermesHome=
    rest=${rest#*"${newline}Environment="}
    line=" ${rest%%"$newline"*}"
    rest=$newline${rest#*"$newline"}
    # systemd puts a word with a blank or another odd letter into quotes, also as $'…'.
    case $line in *[\ \"\']HERMES_HOME=*)
      line=${line##*HERMES_HOME=}
      units=$units${line%%[\ \"\']*}
      ;;
    esac
  done
  units=$units$rest
  units=${units#"$newline"}
  units=${units%"$newline"}
}

systemd_defined() {
  for path in "$systemd_folder"/hermes-gateway*.service; do
    [ ! -f "$path" ] || say "defined systemd ${path##*/}"
  done
}
systemd_said() { # UNIT: finds its block in `units`, where an empty line separates the blocks
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
systemd_log() { # UNIT
  ! has journalctl || journalctl --user -q -n 8 -o cat -u "$1" 2>/dev/null </dev/null
}
# Lines `EPOCH.FRACTION NAME[PID]: text`, of the unit itself and of the manager about it.
systemd_journal() { # UNIT LINES SINCE-EPOCH CURSOR
  has journalctl || return 0
  lines=$2
  begins_at=$3
  cursor=$4
  set -- --user -q -o short-unix --no-hostname --show-cursor -u "$1"
  [ "$lines" = - ] || set -- "$@" -n "$lines"
  [ "$begins_at" = - ] || set -- "$@" --since "@$begins_at"
  [ -z "$cursor" ] || set -- "$@" --after-cursor "$cursor"
  journalctl "$@" 2>/dev/null </dev/null
}

as_root() { # WORDS...: if sudo wants a password, we pass it on the standard input
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
  lingers || { printf 'this user may not enable linger'; return 77; }
}
# logind starts the manager with linger, but not where somebody stopped it behind logind's back.
start_user_manager() {
  if [ "$uid" = 0 ]; then
    systemctl --no-block start user@0.service >/dev/null 2>&1
  else
    as_root systemctl --no-block start "user@$uid.service"
  fi
}
await_bus() {
  user_bus || start_user_manager || :
  tries=0
  until user_bus; do
    [ $tries -lt 60 ] || { printf '%s did not start within 15 s' "user@$uid.service"; return 1; }
    sleep 0.25
    tries=$((tries + 1))
  done
}
linger() { enable_linger && await_bus; }

is_staged() { [ -f "${1%/*}/.${1##*/}.hermes-ops.$$" ]; }
file_in() { # LINE, which begins with PATH:NUMBER: prints the name of the file
  path=${1%%:*}
  printf %s "${path##*/}"
}
# systemd reads the unit and its drop-ins as they will be. It also tells which lines it would ignore:
# of files that are not written now, that is not our matter.
systemd_proof() { # UNIT
  has systemd-analyze || return 0
  trial=$XDG_RUNTIME_DIR/hermes-ops.$$
  mkdir -p "$trial/$1.d" || return 0
  cp "$systemd_folder/$1" "$trial/"
  cp "$systemd_folder/$1.d"/*.conf "$trial/$1.d/"
  cp "$systemd_folder/.$1.hermes-ops.$$" "$trial/$1"
  for path in "$systemd_folder/$1.d"/.*".hermes-ops.$$"; do
    name=${path##*/.}
    [ ! -f "$path" ] || cp "$path" "$trial/$1.d/${name%.hermes-ops.*}"
  done
  said=$(limited 20 systemd-analyze verify --user --man=no "$trial/$1" 2>&1)
  rm -rf "$trial"
  printf '%s\n' "$said" | { # a pipe has a shell of its own: no variable of it comes back
    while IFS= read -r line; do
      case $line in
        # A key that this systemd does not know may be one of a newer one.
        *"Unknown key"* | *"Unknown lvalue"*) continue ;;
        "$trial/$1.d/"*) is_staged "$systemd_folder/$1.d/$(file_in "$line")" || continue ;;
        "$trial/$1:"*) is_staged "$systemd_folder/$1" || continue ;;
        "$1: Command "*" is not executable"*)
          path=${line#"$1: Command "}
          path=${path%% is not executable*}
          ! is_staged "$path" || continue
          ;;
        "$1: "*) ;;
        *) continue ;;
      esac
      printf 'systemd would not take it: %s' "${line#"$trial/"}"
      exit 1
    done
  }
}

# A folder for the drop-ins of a gateway goes with the last of them.
systemd_reload() {
  rmdir "$systemd_folder"/hermes-gateway*.service.d 2>/dev/null
  systemctl --user daemon-reload
}
# Control several units with one call. If it fails, each unit is controlled alone later, which shows
# the cause.
ahead=' '
systemd_ahead() { # VERB UNIT...
  [ $# -gt 2 ] || return 0
  systemd_order "$@" >/dev/null 2>&1 || return
  verb=$1
  shift
  for unit; do ahead="$ahead$verb:$unit "; done
}
systemd_order() { # VERB UNIT...
  verb=$1
  shift
  case $verb in stop | *-new) ;; *) systemctl --user reset-failed "$@" 2>/dev/null ;; esac
  systemctl --user --no-block "${verb%-new}" "$@"
}
systemd_do() { # VERB UNIT
  case $ahead in *" $1:$2 "*) ;; *) systemd_order "$@" || return ;; esac
  [ "$1" != stop ] || systemd_stopped "$2"
}
# systemd kills what does not end in time. Where it may not, or never would, we do.
systemd_stopped() { # UNIT
  tries=0
  while :; do
    case $(systemctl --user show -p ActiveState --value "$1") in
      inactive | failed | '') break ;;
      deactivating) [ $tries -ne $(((patience + 10) * 4)) ] || systemctl --user kill --signal=KILL "$1" ;;
      *) [ $tries -lt 40 ] || { printf 'it runs again: somebody else has started it'; return 1; } ;;
    esac
    [ $tries -lt $(((patience + 20) * 4)) ] || { printf 'it still runs, although it was killed'; return 1; }
    sleep 0.25
    tries=$((tries + 1))
  done
  systemctl --user reset-failed "$1" 2>/dev/null
  return 0
}
