# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# What every script needs. The first line of the text that is sent sets `nonce` and `length`, the
# lines after it set our paths (`files/layout`).

umask 022
LC_ALL=C
PATH="$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
COPYFILE_DISABLE=1 # otherwise macOS' tar adds a metadata file for each file
export LC_ALL PATH COPYFILE_DISABLE
unset -v CDPATH ENV BASH_ENV
# With these an account can change what ls, find, grep, tar, ps and df print.
unset -v TIME_STYLE QUOTING_STYLE LS_BLOCK_SIZE DF_BLOCK_SIZE BLOCK_SIZE BLOCKSIZE POSIXLY_CORRECT
unset -v GREP_OPTIONS GREP_COLOR GREP_COLORS TAR_OPTIONS PS_FORMAT PS_PERSONALITY CLICOLOR_FORCE
newline='
'
tab='	'
uid=   # not the caller's variable; a script sets it, if a look has already found it

# Every answer is a line that begins with the nonce; lines between `begin` and `end` are raw text.
say() { printf '%s %s\n' "$nonce" "$*"; }
begin() { say "begin $*"; }
end() { printf '\n%s end\n' "$nonce"; }
has() { command -v "$1" >/dev/null 2>&1; }
# Whether this is a file that we may read. A pipe would keep whoever opens it until somebody writes.
readable() { [ -f "$1" ] && [ -r "$1" ]; }

# A program costs a host about as much as everything else that a step of a script does. So the shell
# itself reads what the kernel can tell it.
identify() {
  [ -n "$uid" ] || { own_uid && user=$(id -un); }
  XDG_RUNTIME_DIR=/run/user/$uid
  export XDG_RUNTIME_DIR
}

own_uid() { # sets `uid`: the effective one is the second number
  while [ -z "$uid" ] && read -r key _ value _; do
    [ "$key" != Uid: ] || uid=$value
  done 2>/dev/null </proc/self/status
  # shellcheck disable=SC3028 # bash sets it, and nobody else can
  [ -n "$uid" ] || [ -z "${BASH_VERSION-}" ] || uid=${EUID-}
  [ -n "$uid" ] || uid=$(id -u)
}

# All our paths are relative to the home: if we cannot enter it, each would mean another file.
enter_home() {
  cd "$HOME" 2>/dev/null || { say "fatal the home folder $HOME cannot be entered"; exit 0; }
}

user_bus() { [ -S "$XDG_RUNTIME_DIR/systemd/private" ] || [ -S "$XDG_RUNTIME_DIR/bus" ]; }
lingers() { [ -e "/var/lib/systemd/linger/$user" ]; }

# Follow a link step by step, as not every readlink has -f. A link that leads to itself is left as
# it is. It returns in a variable: a `$(…)` would cost one more process for each file.
real_path() { # PATH [WHERE-IT-LEADS]: sets `path`
  path=$1
  target=${2-}
  hops=0
  while [ -L "$path" ] && [ $hops -lt 40 ]; do
    [ -n "$target" ] || target=$(readlink "$path")
    case $target in /*) ;; *) case $path in */*) target=${path%/*}/$target ;; esac ;; esac
    path=$target
    target=
    hops=$((hops + 1))
  done
}

# Run a command for at most the seconds in $1.
limited() {
  limit=$1
  shift
  if has timeout; then
    timeout -k 5 "$limit" "$@"
    return
  fi
  "$@" &
  job=$!
  end_after "$limit" "$job" >/dev/null 2>&1 &
  guard=$!
  wait "$job"
  code=$?
  kill "$guard" 2>/dev/null
  return "$code"
}
end_after() { # SECONDS PID: sends TERM, later KILL; when ended itself, it ends its sleep
  # The trap may come right after the fork of the sleep, before any assignment: so it asks for `$!`.
  before=$!
  trap '[ "$!" = "$before" ] || kill "$!"; exit' TERM
  for signal in TERM KILL; do
    sleep "$1" &
    wait "$!"
    kill -"$signal" "$2" || exit
    set -- 5 "$2"
  done
}
scrubbed() { # SECONDS WORDS...: with only these variables of the caller's environment
  seconds_left=$1
  shift
  limited "$seconds_left" env -i HOME="$HOME" USER="$user" LOGNAME="$user" PATH="$PATH" LANG=C.UTF-8 \
    XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" "$@" </dev/null
}

digest() {
  if has sha256sum; then sha256sum -- "$@"; else shasum -a 256 -- "$@"; fi 2>/dev/null
}

# Sets `boot`, one word or empty, and without /proc also `booted`, the time of the boot in seconds,
# and `kernel`, its name and the processor, if they are known by that.
boot_id() {
  boot=
  booted=
  kernel=
  [ -r /proc/sys/kernel/random/boot_id ] && read -r boot </proc/sys/kernel/random/boot_id
  [ -z "$boot" ] || return 0
  # { sec = 1767603600, usec = 0 } Mon Jan  5 ..., and the id where this macOS has one.
  booted=$(sysctl -n kern.ostype hw.machine kern.boottime kern.bootsessionuuid 2>/dev/null)
  case $booted in Darwin"$newline"[a-z]*"$newline{ "*)
    kernel=${booted%%"$newline{ "*}
    kernel="Darwin ${kernel#*"$newline"}"
    ;;
  esac
  case $booted in *"$newline{ "*) booted="{ ${booted#*"$newline{ "}" ;; esac
  case $booted in *"$newline"*) boot=${booted##*"$newline"} ;; esac
  case $booted in *'sec = '*) booted=${booted#*sec = } ;; *) booted= ;; esac
  booted=${booted%%[!0-9]*}
  # That time changes when the clock is set; the id of the boot does not.
  boot=${boot:-$booted}
}

# The /usr/bin/python3 of macOS opens a dialog until the developer tools are installed.
may_run() { # PYTHON
  [ "$1" != /usr/bin/python3 ] || ! has xcode-select || xcode-select -p >/dev/null 2>&1
}

# Report what the kernel knows about a process: field 22 of its stat is its start, in clock ticks.
process() {
  [ -n "$1" ] && [ -r "/proc/$1/stat" ] || return 0
  read -r line 2>/dev/null <"/proc/$1/stat" || return 0
  say "process $1 ${line##*) }"
  while IFS= read -r line; do
    case $line in 0::* | *name=systemd*) say "cgroup $1 ${line##*:}" ;; esac
  done 2>/dev/null <"/proc/$1/cgroup"
}
