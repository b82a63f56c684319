# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Look at supervisord, start it, and control its programs.

supervisor_alive() {
  supervisor_pid=
  readable "$supervisor_pid_file" && read -r supervisor_pid <"$supervisor_pid_file"
  case $supervisor_pid in '' | *[!0-9]*) return 1 ;; esac
  kill -0 "$supervisor_pid" 2>/dev/null || return 1
  if [ -d /proc/self ]; then
    words=$(tr '\0' ' ' 2>/dev/null <"/proc/$supervisor_pid/cmdline")
  else
    words=$(ps -ww -o args= -p "$supervisor_pid" 2>/dev/null) || return 0 # without ps we only know that it lives
  fi
  case $words in *supervisord*"$supervisor_conf"*) ;; *) return 1 ;; esac
}
supervisorctl() {
  scrubbed 20 "$supervisor_venv/bin/supervisorctl" -c "$supervisor_conf" "$@"
}
supervisord_look() { # reports all its programs: asking for one takes as long
  programs=
  supervisor_booted
  [ -r "$supervisor_conf" ] && [ -x "$supervisor_venv/bin/supervisorctl" ] || return 0
  supervisor_alive || return 0
  programs=$(supervisorctl status 2>/dev/null)
  begin manager supervisord
  set -f
  IFS=$newline
  for line in $programs; do
    supervisord_tell "$line"
  done
  set +f
  unset IFS
  supervisord_again
  end
}
# Its log says when it began a program. What follows an end at once was a restart; what somebody
# ordered comes after a stop, or later. A log that was cut may not reach back far enough.
supervisord_again() {
  readable "$state/supervisord.log" || return 0
  set -- "$state/supervisord.log"
  ! readable "$1.1" || set -- "$1.1" "$1"
  # Its times are local ones, without the TZ of this session.
  hour=$(($(date +%s) - 3600))
  # BSD's way first: to GNU's date it is the name of a file that is not there.
  hour=$(unset TZ; date -r "$hour" '+%Y-%m-%d %H:%M:%S' 2>/dev/null || date -d "@$hour" '+%Y-%m-%d %H:%M:%S')
  awk -v hour="$hour" '
    function second(time) { return substr(time, 1, 2) * 3600 + substr(time, 4, 2) * 60 + substr(time, 7, 2) }
    function ordered(name) { whole[name] = 1; times[name] = 0; recent[name] = 0; ended[name] = "" }
    { name = $5; gsub(/\047/, "", name); first = first ? first : $1 " " $2 }
    $4 == "supervisord" && $5 == "started" { for (name in times) ordered(name); all = 1 }
    $4 == "stopped:" { ordered(name) }
    $4 == "exited:" { ended[name] = second($2) }
    $4 == "spawned:" {
      if (ended[name] == "" || (second($2) - ended[name] + 86400) % 86400 > 5) ordered(name)
      else { times[name]++; if ($1 " " $2 >= hour) recent[name]++ }
      ended[name] = ""
    }
    END {
      for (name in times) {
        is_whole = all || whole[name]
        printf "Id=%s\n", name
        if (is_whole) printf "Restarts=%d\n", times[name]
        if (is_whole || first < hour) printf "Recent=%d\n", recent[name]
        printf "\n"
      }
    }' "$@" 2>/dev/null
}
# Set `lines` to the user's crontab, to nothing if there is none; fails if that is not known.
supervisor_crontab() {
  lines=$(crontab -l 2>/dev/null </dev/null) && return
  case $(LC_ALL=C crontab -l 2>&1 </dev/null) in
    *'no crontab'* | *"can't open"* | '') lines= ;;
    *) return 1 ;;
  esac
}
# Whether cron starts it at boot: asked only where nothing else does, or it is there already.
supervisor_booted() {
  [ -e "$supervisor_conf" ] || { [ ! -d /run/systemd/system ] && [ ! -x /bin/launchctl ]; } || return 0
  has crontab || return 0
  if supervisor_crontab; then
    case $lines in *"$supervisor_conf"*) lines=on ;; *) lines=off ;; esac
  else
    lines=denied
  fi
  begin manager supervisord
  printf 'Id=@reboot\nState=%s\nPrograms=' "$lines"
  for path in "${supervisor_conf%.conf}.d"/*.conf; do
    [ ! -f "$path" ] || { path=${path##*/}; printf '%s ' "${path%.conf}"; }
  done
  printf '\n'
  end
}
supervisord_tell() { # `NAME   RUNNING   pid 12, uptime 0:00:09`
  IFS=' '
  # shellcheck disable=SC2086 # a line of words
  set -- $1
  printf 'Id=%s\nState=%s\n' "$1" "$2"
  case "$3 $4" in 'pid '[1-9]*)
    printf 'MainPID=%s\n' "${4%,}"
    pids="$pids ${4%,}"
    ;;
  esac
  printf '\n'
}
supervisord_defined() {
  for path in "${supervisor_conf%.conf}.d"/hermes-gateway*.conf; do
    [ ! -f "$path" ] || { path=${path##*/}; say "defined supervisord ${path%.conf}"; }
  done
}
supervisord_said() { # PROGRAM
  case $newline$programs in *"$newline$1 "*) ;; *) return 0 ;; esac
  said=$newline$programs
  said=${said#*"$newline$1 "}
  # shellcheck disable=SC2086 # a line of words
  set -- ${said%%"$newline"*}
  case $1 in
    RUNNING) activity=active ;;
    STARTING | BACKOFF) activity=activating ;;
    STOPPING) activity=deactivating ;;
    FATAL | EXITED | UNKNOWN) activity=failed ;;
  esac
  [ "$2" != pid ] || pid=${3%,}
}
supervisord_log() { # PROGRAM: prints its last output, if it is at most two minutes old
  [ ! -f "$state/$1.log" ] || [ -z "$(find "$state/$1.log" -mmin -2 2>/dev/null)" ] || since_mark "$state/$1.log"
}
# Its own lines about a program, such as `spawned: 'NAME' with pid 12`; they have local times.
supervisord_journal() { # PROGRAM LINES SINCE-EPOCH CURSOR
  path=$state/supervisord.log
  readable "$path" || return 0
  size=$(wc -c <"$path")
  size=$((size))
  from=${4:-0}
  [ "$from" -le "$size" ] || from=0
  lines=$2
  [ "$lines" != - ] || lines=100000
  tail -c "+$((from + 1))" "$path" | head -c $((size - from)) |
    awk -v name="$1" '{ word = $5; gsub(/\047/, "", word) } word == name' | tail -n "$lines"
  printf '%s cursor: %s\n' -- "$size"
}

# The line does nothing while no service is to be started at boot.
supervisor_boot() {
  folder=$HOME/${supervisor_conf%.conf}.d
  line="@reboot cat $folder/*.conf | grep -qx autostart=true && $HOME/$supervisor_venv/bin/supervisord -c $HOME/$supervisor_conf"
  supervisor_write "$(printf '%s # of hermes-ops\n' "$line" | sed 's/%/\\%/g')"
}
supervisor_unboot() {
  supervisor_write ''
}
# Write the user's crontab with this line, or none, in place of ours.
supervisor_write() { # LINE
  # What cannot be read would be lost.
  supervisor_crontab || { printf 'crontab -l fails\n' >&2; return 1; }
  {
    [ -z "$lines" ] || printf '%s\n' "$lines" | grep -vF "$supervisor_conf"
    [ -z "$1" ] || printf '%s\n' "$1"
  } | crontab -
}
supervisor_up() {
  supervisor_alive && return 0
  rm -f "$supervisor_pid_file" "$supervisor_socket"
  mkdir -p "$state"
  scrubbed 20 "$supervisor_venv/bin/supervisord" -c "$supervisor_conf" || return
  tries=0
  until supervisor_alive && [ -S "$supervisor_socket" ]; do
    [ $tries -lt 40 ] || { printf 'supervisord did not start; see %s/supervisord.log' "$state"; return 1; }
    sleep 0.25
    tries=$((tries + 1))
  done
}
supervisor_pid_of() {
  supervisorctl pid "$1" 2>/dev/null | sed -n 's/^\([1-9][0-9]*\)$/\1/p'
}
# supervisord kills what does not end in time; we see that the process is gone.
supervisor_stop() { # PROGRAM HOME
  old=$(supervisor_pid_of "$1")
  plan_stop "$2" "$old"
  scrubbed $((patience + 20)) "$supervisor_venv/bin/supervisorctl" -c "$supervisor_conf" stop "$1" >/dev/null
  [ -n "$old" ] && kill -0 "$old" 2>/dev/null || return 0
  kill -KILL "$old" 2>/dev/null
  sleep 1
  ! kill -0 "$old" 2>/dev/null || { printf 'it still runs, although it was killed'; return 1; }
}
supervisor_do() { # VERB PROGRAM HOME
  if [ "$1" = stop ]; then
    supervisor_alive || return 0
    supervisor_stop "$2" "$3" || return
    supervisorctl update "$2" >/dev/null
    supervisor_idle && supervisorctl shutdown >/dev/null
    return 0
  fi
  supervisor_up || return
  [ "$1" = start ] || supervisor_stop "$2" "$3" || return
  supervisorctl update "$2" >/dev/null || return
  supervisorctl start "$2" >/dev/null
  case $(supervisorctl status "$2") in *RUNNING* | *STARTING*) return 0 ;; esac
  supervisorctl status "$2"
  return 1
}
supervisor_idle() {
  case $(supervisorctl status) in *RUNNING* | *STARTING* | *BACKOFF* | *STOPPING*) return 1 ;; esac
}
