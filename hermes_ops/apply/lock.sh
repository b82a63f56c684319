# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# The lock of a host: only one run at a time changes the host; a dead run's lock is taken over.

broken=' '   # profiles with a failed step: their later steps are skipped
paid=        # files of owed restarts that have happened now
sudo_password=
drains=      # our drain requests, removed after the restarts were ordered
gone=        # set when the connection to the operator is lost

# If the connection is lost, we finish the current profile and stop: nothing is left half-written.
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
  readable "$lock/owner" && read -r owner_boot owner_pid owner_start _ 2>/dev/null <"$lock/owner" || return 0
  [ "$owner_boot" = "${boot:--}" ] && [ -n "$owner_start" ] && [ "$(started_at "$owner_pid")" = "$owner_start" ]
}

# Two runs may find the same dead owner. One of them claims the lock and checks the owner again,
# as the lock may be a new one by then. A claim takes a moment: one that is a minute old was left
# by a run that died.
take_over() { # fails if another run has the lock or claims it
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

# Who only makes room on a full disk has a lock without an owner: after some seconds it is taken over.
holder=      # whose run this is, as JSON
take_lock() { # SECONDS TEXT [frees]
  holder=$2
  [ -d "$state" ] || mkdir -p "$state" || { tell "fatal $HOME/$state cannot be created"; exit 0; }
  waited=0
  nameless=0
  absent=0
  until mkdir "$lock" 2>/dev/null; do
    # It was released just now, or it cannot be created at all: a few tries show which.
    if [ ! -d "$lock" ]; then
      [ $absent -lt 5 ] || { tell "fatal $HOME/$lock cannot be created: is the disk full?"; exit 0; }
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
  printf '%s %s %s\n%s\n' "${boot:--}" $$ "$(started_at $$)" "$2" 2>/dev/null >"$lock/owner" || [ "${3-}" = frees ] || {
    tell "fatal the disk of $HOME is full or cannot be written"
    exit 0
  }
  tell "lock-taken $waited"
}
tell_owner() { { begin lock-held; ! readable "$lock/owner" || sed 1d "$lock/owner"; end; } 2>/dev/null || gone=1; }
# The rename removes the lock at once: another run finds the whole lock or none.
release_lock() {
  # shellcheck disable=SC2086 # lists of paths of ours, none with a blank
  [ -z "$paid$drains" ] || rm -rf $paid $drains
  mv "$lock" "$lock.gone.$$" 2>/dev/null
  rm -rf "$lock".gone.*
  paid=
  drains=
}
