# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Ask root for what this user may not do. Root does nothing else than what came with the script, from
# the operator: it is asked for a part of that by its number.

root_room=
open_root() { # waits for root, and opens the way to it
  [ "$may_root" = yes ] || return
  room=/var/run/hermes-ops.$nonce
  tries=0
  until [ -e "$room/said" ]; do
    [ $tries -lt 200 ] || return
    sleep 0.05
    tries=$((tries + 1))
  done
  [ -w "$room/ask" ] && [ -r "$room/answer" ] || return
  exec 8>"$room/ask" 9<"$room/answer"
  root_room=$room
}
by_root() { # NUMBER: prints what root's part says, and ends as it does
  if ! printf '%s\n' "$1" >&8 || ! IFS= read -r root_code <&9; then
    printf 'root does not answer'
    return 77
  fi
  cat "$root_room/said"
  return "$root_code"
}
# All files of a profile are staged before the first one is renamed.
stage_by_root() { # CHANGE
  said=$(by_root "stage_$1" 2>&1) || failed "$1" "${said%%"$newline"*}"
}
# Fails all these changes, the first of them with the reason.
without_root() { # CHANGE...
  failed "$1" "missing_privilege: sudo did not start what root has to do"
  shift
  skipped "$@"
}
