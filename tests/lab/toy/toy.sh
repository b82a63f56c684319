# shellcheck shell=sh disable=SC2154
# The toy: a process, and its number in a file.

toy_pid() { # ID: sets `toy_pid`
  toy_pid=
  [ ! -r "$toy_folder/$1.pid" ] || read -r toy_pid <"$toy_folder/$1.pid"
  [ -n "$toy_pid" ] && kill -0 "$toy_pid" 2>/dev/null
}
toy_look() { # ID...
  begin manager toy
  for id; do
    toy_pid "$id" || continue
    printf 'Id=%s\nMainPID=%s\n\n' "$id" "$toy_pid"
    pids="$pids $toy_pid"
  done
  end
}
toy_defined() { :; }
# shellcheck disable=SC2034 # who calls it reads them
toy_said() { # ID: sets `activity` and `pid`
  toy_pid "$1" || return 0
  activity=active
  pid=$toy_pid
}
toy_log() { :; }
toy_journal() { :; }
toy_do() { # VERB ID
  if toy_pid "$2" && [ "$1" != start ]; then
    kill "$toy_pid"
    while kill -0 "$toy_pid" 2>/dev/null; do sleep 0.1; done
  fi
  [ "$1" != stop ] || return 0
  setsid "$toy_folder/$2.sh" >/dev/null 2>&1 &
  echo $! >"$toy_folder/$2.pid"
}
