# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# The lock of a host: one run at a time changes it, and a dead owner is taken over.

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
    # shellcheck disable=SC2086 # its fields, one argument each
    set -- ${line##*) }
    printf '%s' "${20}"
  else
    TZ=UTC0 ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_'
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
  if { [ -s "$lock/owner" ] || [ "$nameless" -le 5 ]; } && owner_lives; then
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
  [ -d "$state" ] || mkdir -p "$state" || { tell "fatal $HOME/$state cannot be made"; exit 0; }
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
    if [ "$nameless" -gt 5 ] || ! owner_lives; then take_over && continue; fi
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
  # shellcheck disable=SC2086 # lists of paths of ours, none with a blank
  [ -z "$paid$drains" ] || rm -rf $paid $drains
  mv "$lock" "$lock.gone.$$" 2>/dev/null
  rm -rf "$lock".gone.*
  paid=
  drains=
}
