# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Make one change after the other and report each; a failure skips only the rest of its profile.

# `-` stands for the host itself: a failure there fails every profile.
is_broken() { case $broken in *" $profile "* | *' - '*) return 0 ;; *) return 1 ;; esac; }
breaks() { broken="$broken$profile "; }
needs_stop_of() { # PROFILE: if it failed before its stop, it still has what this profile needs
  case $broken in *" $1 "*) breaks ;; esac
}
refused=' ' # changes of which a failure was told before their turn
failed() { # CHANGE REASON
  breaks
  tell "change $1 failed $2"
}
skipped() { # CHANGE...
  for change; do
    case $refused in *" $change "*) ;; *) tell "change $change skipped" ;; esac
  done
}
refuse_restart() { # CHANGE HINT: if its process could not come back, it is not even stopped
  [ -n "$damage" ] && ! is_broken || return 0
  refused="$refused$1 "
  failed "$1" "conflict: the code of Hermes is damaged: $damage; $2"
}

# Whether a file changed since the look. PATH DIGEST pairs; the digest `-` means absent, `+` exists.
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

# How long a manager lets a service end that is stopped or restarted next, and any until now.
patience=90
longest=0
patient() { # SECONDS
  patience=$1
  [ "$1" -le "$longest" ] || longest=$1
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

# Some hosts want time between two starts, as each takes most of a processor.
has_started=
stagger() { # SECONDS
  [ -z "$has_started" ] || sleep "$1"
  has_started=yes
}

# Like `run`, for what sets variables of this shell and prints nothing.
run_here() { # CHANGE COMMAND...
  change=$1
  shift
  if is_broken; then
    skipped "$change"
  elif "$@" 2>/dev/null </dev/null; then
    tell "change $change done"
  else
    failed "$change" "exit $?"
  fi
}

# Like `run`, but a failure is only reported: no later step is skipped.
try_run() { # CHANGE COMMAND...
  before=$broken
  run "$@"
  broken=$before
}
