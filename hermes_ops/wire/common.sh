# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# What every script needs. `nonce`, `length` are set by the first line of the text that is sent, and
# our paths by the lines behind it (`files/layout`).

umask 022
LC_ALL=C
PATH="$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
export LC_ALL PATH
unset -v CDPATH ENV BASH_ENV
newline='
'
uid=   # what a look told already is not asked again; the caller's own variable of this name is not ours

# Every answer is a line that begins with the nonce; what lies between `begin` and `end` is raw.
say() { printf '%s %s\n' "$nonce" "$*"; }
begin() { say "begin $*"; }
end() { printf '\n%s end\n' "$nonce"; }
has() { command -v "$1" >/dev/null 2>&1; }

identify() {
  [ -n "$uid" ] || { uid=$(id -u) && user=$(id -un); }
  XDG_RUNTIME_DIR=/run/user/$uid
  export XDG_RUNTIME_DIR
}

# A home that is not a folder we can stand in makes every relative path mean something else.
enter_home() {
  cd "$HOME" 2>/dev/null || { say "fatal the home folder $HOME cannot be entered"; exit 0; }
}

user_bus() { [ -S "$XDG_RUNTIME_DIR/systemd/private" ] || [ -S "$XDG_RUNTIME_DIR/bus" ]; }
lingers() { [ -e "/var/lib/systemd/linger/$user" ]; }

# Run "$@" for at most the seconds in $1, with nothing of the caller's environment but this.
limited() {
  limit=$1
  shift
  if has timeout; then
    timeout -k 5 "$limit" "$@"
    return
  fi
  "$@" &
  job=$!
  (sleep "$limit" && kill "$job") >/dev/null 2>&1 &
  guard=$!
  wait "$job"
  code=$?
  kill "$guard" 2>/dev/null
  return "$code"
}
scrubbed() { # SECONDS WORDS...: never with anything else of the caller's environment
  seconds_left=$1
  shift
  limited "$seconds_left" env -i HOME="$HOME" USER="$user" LOGNAME="$user" PATH="$PATH" LANG=C.UTF-8 \
    XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" "$@" </dev/null
}

digest() {
  if has sha256sum; then sha256sum -- "$@"; else shasum -a 256 -- "$@"; fi 2>/dev/null
}

boot_id() {
  boot=
  [ -r /proc/sys/kernel/random/boot_id ] && read -r boot </proc/sys/kernel/random/boot_id
  [ -n "$boot" ] || boot=$(sysctl -n kern.boottime 2>/dev/null)
}

# What the kernel says of a process: field 22 after the last `)` is when it started, in ticks.
process() {
  [ -n "$1" ] && [ -r "/proc/$1/stat" ] || return 0
  read -r line 2>/dev/null <"/proc/$1/stat" || return 0
  say "process $1 ${line##*) }"
  while IFS= read -r line; do
    case $line in 0::* | *name=systemd*) say "cgroup $1 ${line##*:}" ;; esac
  done 2>/dev/null <"/proc/$1/cgroup"
}
