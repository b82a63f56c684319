# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Look at systemd's services, of a user or of the system, and let those of a user outlive the session.

systemd_name=systemd
systemd_scope=--user
journal_scope=--user
systemd_answers() {
  case $systemd_scope in
    --user) user_bus ;;
    *) [ -d /run/systemd/system ] ;;
  esac
}

# Whether the user's manager runs although its sockets are gone, as after somebody emptied /run/user/UID:
# it goes on, with all its services, and nobody can ask or order anything. The kernel shows its group.
runs_unheard() {
  [ "$systemd_scope" = --user ] || return
  for path in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    [ ! -d "$path/user.slice/user-$uid.slice/user@$uid.service/init.scope" ] || return 0
  done
  return 1
}

unit_properties=Id,LoadState,ActiveState,SubState,UnitFileState,Job,MainPID,NRestarts,Result,ExecMainStatus,StateChangeTimestampMonotonic,MemoryCurrent,ControlGroup,TimeoutStopUSec,WatchdogUSec,FragmentPath,DropInPaths,NeedDaemonReload,StatusText,ExecStart,Environment,Requires,Requisite,BindsTo,PartOf,Conflicts,ConflictedBy,StopPropagatedFrom

systemd_look() { # UNIT...
  units=
  [ $# -gt 0 ] && has systemctl || return 0
  systemd_answers || { ! runs_unheard || say "mute $systemd_name"; return 0; }
  # systemctl itself gives up after this time: a `timeout` would be one more program.
  units=$(SYSTEMD_BUS_TIMEOUT=15 systemctl "$systemd_scope" show --property=$unit_properties -- "$@" 2>/dev/null </dev/null) ||
    { say "mute $systemd_name"; units=; return; }
  read_units
  begin manager $systemd_name
  printf '%s' "$shown"
  end
  [ "$again" != yes ] || look_restarts
}

# What systemctl said is read once, line by line: to search in a long text takes a shell quadratic time.
# Sets `shown`, the text that is sent, and makes of `units` a line `ID ACTIVITY/JOB/PID/CODE` each. All
# services begin with the same property, whichever comes first in this systemd.
read_units() {
  first=${units%%=*}
  text=$units
  units=$newline
  shown=
  begin_unit
  set -f
  IFS=$newline
  for line in $text; do
    case $line in "$first="*) next_unit ;; esac
    case $line in
      Environment=*) only_home ;;
      Id=*) unit=${line#*=} ;;
      ActiveState=*) activity=${line#*=} ;;
      Job=[1-9]*) queued=queued ;;
      MainPID=[1-9]*) pid=${line#*=} ;;
      ExecMainStatus=*) code=${line#*=} ;;
      NRestarts=*) times=${line#*=} ;;
      StateChangeTimestampMonotonic=*) changed=${line#*=} ;;
    esac
    [ -z "$times" ] || [ -z "$changed" ] || starts_again "$times" "$changed"
    block=$block$newline$line
  done
  set +f
  unset IFS
  next_unit
  shown=${shown#"$newline$newline"}
}
next_unit() { # one that is named, and matches a pattern, too, is told twice
  [ -n "$block" ] || return 0
  case $units in
    *"$newline$unit "*) ;;
    *)
      units="$units$unit $activity/$queued/$pid/$code$newline"
      shown=$shown$newline$block
      [ -z "$pid" ] || pids="$pids $pid"
      ;;
  esac
  begin_unit
}
begin_unit() { block='' unit='' activity='' queued='' pid='' code=''; }
# Of the environment only HERMES_HOME may leave the host: other variables can be credentials.
only_home() { # replaces in `line` the environment by the home
  line=" ${line#*=}"
  # systemd puts a word with a blank or another odd letter into quotes, also as $'…'.
  case $line in
    *[\ \"\']HERMES_HOME=*) line=${line##*HERMES_HOME=} line=HermesHome=${line%%[\ \"\']*} ;;
    *) line=HermesHome= ;;
  esac
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
  begin manager $systemd_name
  journalctl "$systemd_scope" -q --since -1h -o cat MESSAGE_ID=5eb03494b6584870a536b337290809b3 2>/dev/null </dev/null |
    sed -n 's/^\([^ ]*\): Scheduled restart.*/\1/p' | sort | uniq -c |
    while read -r times unit; do printf 'Id=%s\nRecent=%s\n\n' "$unit" "$times"; done
  end
}

systemd_defined() {
  for path in "$systemd_folder"/hermes-gateway*.service; do
    [ ! -f "$path" ] || say "defined $systemd_name ${path##*/}"
  done
}
systemd_said() { # UNIT: finds its line in `units`
  case $units in *"$newline$1 "*) ;; *) return 0 ;; esac
  said=${units#*"$newline$1 "}
  said=${said%%"$newline"*}
  activity=${said%%/*} said=${said#*/}
  queued=${said%%/*} said=${said#*/}
  pid=${said%%/*} code=${said#*/}
  # An order that it has taken, and not yet begun.
  [ "$activity$queued" != inactivequeued ] || activity=activating
}
systemd_log() { # UNIT
  has journalctl || return 0
  set -- "$journal_scope" -q -n 8 -o cat -u "$1"
  [ -z "${log_since:-}" ] || set -- "$@" --since "@$log_since"
  journalctl "$@" 2>/dev/null </dev/null
}
# Lines `EPOCH.FRACTION NAME[PID]: text`, of the unit itself and of the manager about it.
systemd_journal() { # UNIT LINES SINCE-EPOCH CURSOR
  has journalctl || return 0
  lines=$2
  begins_at=$3
  cursor=$4
  set -- "$journal_scope" -q -o short-unix --no-hostname --show-cursor -u "$1"
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
