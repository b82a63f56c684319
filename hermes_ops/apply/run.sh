# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# One change after the other, each told when it is done; a failure ends its profile alone.

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
