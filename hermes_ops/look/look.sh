# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Read the facts of this host. It only reads: it runs no hermes command, takes no lock, writes
# nothing.

look_host() {
  one_ps=yes
  say "user $uid $user"
  say "home $HOME"
  account_home
  say "account $account"
  now=$(date +%s)
  say "now $now"
  boot_id
  if [ -r /proc/sys/kernel/arch ]; then
    read -r system </proc/sys/kernel/ostype && read -r machine </proc/sys/kernel/arch
    say "system $system $machine"
  else
    say "system ${kernel:-$(uname -sm)}"
  fi
  say "boot $boot"
  [ ! -r /proc/uptime ] || { read -r uptime _ </proc/uptime && say "uptime $uptime"; }
  [ -z "$booted" ] || say "uptime $((now - booted))"
  [ ! -d /run/systemd/system ] || say "systemd running"
  ! user_bus || { say "bus ready"; look_controllers; }
  look_system_controllers
  ! lingers || say "linger on"
  look_noexec
  look_traits
  for tool in systemctl loginctl launchctl sudo curl wget tar base64 crontab; do
    ! has "$tool" || say "tool $tool"
  done
  free_space
}

# The login shell finds out before whether it may become root, if services of the system are wanted.
# Otherwise it matters where there are some of ours, and this user is the one who logs in.
look_rights() { # YES-OR-EMPTY PATTERN...: the marks of services that only root changes
  if [ -n "$may_root" ]; then
    say "root $may_root"
    say "group $(id -gn)"
    return
  fi
  [ -n "$1" ] || return 0
  shift
  for pattern; do
    for path in $pattern; do
      [ -e "$path" ] || continue
      if [ "$uid" = 0 ] || sudo -n true >/dev/null 2>&1 </dev/null; then say "root yes"; else say "root no"; fi
      return
    done
  done
}

free_space() { # reports the KiB that this user may still write, where least is left, and that place
  least_left -Pk
  [ -z "$left" ] || say "free $left$left_at"
}
# Gateways write into the home and below `.hermes`, which may be disks of their own.
least_left() { # OPTION of df: sets `left`, and `left_at` with a blank before it if it is not the home's disk
  left=
  left_at=
  set -- "$1" .
  for path in .hermes .hermes/profiles; do [ ! -d "$path" ] || set -- "$@" "$path"; done
  lines=$(df "$@" 2>/dev/null)
  set -f
  IFS=$newline
  for line in $lines; do
    unset IFS
    # shellcheck disable=SC2086 # the fields of a line, one argument each
    left_of $line
    case $free in '' | *[!0-9]*) continue ;; esac
    if [ -z "$left" ]; then left=$free; elif [ "$free" -lt "$left" ]; then left=$free left_at=" $place"; fi
  done
  unset IFS
  set +f
}
left_of() { # FIELD...: sets `free`, what stands before the part in use, such as `42%`, and `place`, what is behind it
  free=
  place=
  while [ $# -gt 1 ]; do
    case $2 in [0-9]*%) free=$1; shift 2; place=$*; place=/${place#*/}; return ;; esac
    shift
  done
}

account_home() { # sets `account`, the home that the account database has
  case $user in
    # The shell reads that database for `~name`. Another name, such as CORP\ann, might be a command.
    *[!A-Za-z0-9._-]*) account=$(getent passwd "$user" 2>/dev/null | cut -d: -f6) ;;
    *) eval "account=~$user" ;;
  esac
  : "${account:=$HOME}"
}

default_route() { # if routes cannot be listed, assume that there is one
  if [ ! -r /proc/net/route ]; then
    routes=$(netstat -rn -f inet 2>/dev/null) || return 0
    case $newline$routes in *"${newline}default "*) return 0 ;; *) return 1 ;; esac
  fi
  while read -r _ destination _; do
    [ "$destination" = 00000000 ] && return 0
  done </proc/net/route
  return 1
}

# Only if something may have to be installed: Hermes, or supervisord where no other can be used.
# Each candidate is run, as a name on PATH may be the shim of a version manager.
look_pythons() { # YES-OR-EMPTY
  [ -n "$1" ] || [ -z "$hermes_python" ] || [ "$HOME" != "$account" ] ||
    { [ ! -d /run/systemd/system ] && [ ! -x /bin/launchctl ]; } || return 0
  ! default_route || say "route default"
  for name in python3.13 python3.12 python3.11 python3; do
    for folder in '' /opt/homebrew/bin/ /usr/local/bin/ /usr/bin/ "$HOME/.local/bin/"; do
      found=$(command -v "$folder$name" 2>/dev/null) && a_python "$found" && break
    done
  done
  for found in "$HOME"/.local/share/uv/python/cpython-3.1[123].*/bin/python3; do
    [ ! -x "$found" ] || a_python "$found"
  done
}
a_python() {
  may_run "$1" || return
  version=$("$1" -I -S -B -c 'import sys, venv; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || return
  case $version in 3.1[123]) say "python $version $1" ;; *) return 1 ;; esac
}

# Files that we once wrote and the inventory may no longer name. An ownership file begins with the
# whole files, in quotes and relative to its folder, and the secrets that were generated here.
look_owned() { # OWNERSHIP-FILE... : adds to `extra`, and sets `made` (a tab after each)
  made=
  for path; do
    readable "$path" || continue
    while IFS= read -r line; do
      case $line in
        '  "'*'": '*)
          line=${line#'  "'}
          add_extra "${path%/*}/${line%%'": '*}"
          ;;
        '  - "'*'"')
          line=${line#'  - "'}
          made="$made${path%/*}/${line%'"'}$tab"
          ;;
        '#'* | format:* | files: | made_here:) ;;
        *) break ;;
      esac
    done <"$path"
  done
}
# Paths that the question does not name, to list and send with the others: one a line.
extra=
add_extra() { for added; do extra=$extra$added$newline; done; }
with_extra() { # FUNCTION PATH...: calls it with these paths and with the extra ones
  set -f
  IFS=$newline
  known=$newline$*$newline
  more=
  for path in $extra; do
    case $known in *"$newline$path$newline"*) ;; *) more=$more$path$newline ;; esac
  done
  # shellcheck disable=SC2086 # one word for each line
  set -- "$@" $more
  unset IFS
  set +f
  "$@"
}

# .env files are sent without the values in $1 and those generated here: lists of path=NAME<tab>.
send_env() { # MASKED FILE...
  pattern=$tab$1$made
  shift
  with_readable env_files "$@"
}
env_files() {
  begin digests
  digest "$@"
  end
  [ "$pattern" = "$tab" ] || { masked_env "$@"; return; }
  for path; do
    begin "env $path"
    cat "$path"
    end
  done
}
masked_env() { # all files in one process
  awk -v nonce="$nonce" -v mask="$pattern" "$value_check"' BEGIN {
    for (number = 1; number < ARGC; number++) {
      print nonce " begin env " ARGV[number]
      while ((getline line < ARGV[number]) > 0) {
        key = line
        sub(/^[ \t]*(export[ \t]+)?/, "", key)
        name = ARGV[number] "=" substr(key, 1, index(key, "=") - 1)
        if (match(key, /^[A-Za-z_][A-Za-z0-9_]*=./) && index(mask, "\t" name "\t")) {
          made = made "\n" nonce " made " value_check(substr(key, index(key, "=") + 1)) " " name
          line = substr(line, 1, index(line, "=")) "\001kept\001"
        }
        print line
      }
      close(ARGV[number])
      print "\n" nonce " end" made
      made = ""
    }
  }' "$@"
}

look_folders() {
  for path; do [ ! -d "$path" ] || say "folder $path"; done
}

# Report the first of these PATH folders that has node: a gateway would use that one.
look_node() {
  for path; do
    [ -x "$path/node" ] && [ ! -d "$path/node" ] && { say "node $path"; return; }
  done
}

# Report all profiles, also those that are not in the inventory, and evidence about their services.
look_profiles() {
  [ ! -d "$kept_folder" ] || { begin kept; find "$kept_folder" -type f 2>/dev/null | head -n 1000; end; }
  for path in .hermes/profiles/*/; do
    [ -d "$path" ] && path=${path%/} && say "profile ${path##*/}"
  done
  for path in .hermes .hermes/profiles/*; do
    add_extra "$path/gateway_state.json" "$path/gateway.pid" "$path/state/gateway.heartbeat"
  done
  recorded_pids .hermes/gateway.pid .hermes/profiles/*/gateway.pid
}

# What belongs to profiles beside their services: the space that each folder takes, in KiB, and the
# commands by which Hermes starts itself with one of them.
look_whole() { # HOME...
  [ $# -gt 0 ] || return 0
  for path; do
    [ ! -d "$path" ] || [ -L "$path" ] || { size=$(du -sk "$path" 2>/dev/null) && say "space ${size%%[!0-9]*} $path"; }
  done
  look_aliases
}
look_aliases() {
  # Hermes' commands have less than 1 KiB; other files there may be huge.
  set -f
  IFS=$newline
  for path in $(find .local/bin -type f -size -3 2>/dev/null | head -n 500); do
    line=
    ! readable "$path" || { read -r line && read -r call; } <"$path" || continue
    case $line:$call in
      '#!/bin/sh:exec '*' -p '*' "$@"') alias_of "${call##*' -p '}" "${call%%' -p '*}" ;;
    esac
  done 2>/dev/null
  unset IFS
  set +f
}
alias_of() { # PROFILE-AND-MORE PROGRAM
  case ${1%' "$@"'}:$2 in
    *[!a-z0-9:_-]*:* | *[!a-z0-9_-]*:*) ;;
    *:*hermes | *:*hermes\') say "alias ${1%' "$@"'} $path" ;;
  esac
}

look_aged() { # FILE...: reports those that were last written more than an hour ago
  for path; do
    [ ! -f "$path" ] || [ -z "$(find "$path" -prune -mmin +60 2>/dev/null)" ] || say "aged $path"
  done
}

# Gateways that we once configured and the inventory does not name: enough to see whether they run,
# and on which ports. Our memory tells of them, or our part of their unit, if somebody moved or removed the
# home. Of .env only lines without secrets are sent.
our_part=.service.d/50-hermes-ops.conf
look_orphans() { # MEMORY-FILE KNOWN-PROFILE...: sets `orphans`, empty if there is none
  orphans=
  memory=$1
  shift
  known=" $* " # a profile's name has no blanks
  set -- .hermes .hermes/profiles/*
  for part in "$systemd_folder"/hermes-gateway-*"$our_part"; do
    name=${part#"$systemd_folder/hermes-gateway-"}
    name=${name%"$our_part"}
    [ ! -f "$part" ] || [ -e ".hermes/profiles/$name" ] || set -- "$@" ".hermes/profiles/$name"
  done
  for path; do
    name=${path##*/}
    unit=hermes-gateway-$name
    [ "$path" != .hermes ] || { name=default; unit=hermes-gateway; }
    case $known in *" $name "*) continue ;; esac
    { [ -f "$path/$memory" ] && [ ! -L "$path" ]; } || [ -f "$systemd_folder/$unit$our_part" ] || continue
    say "orphan $name"
    orphans="$orphans $path"
    add_extra "$path/config.yaml" "$path/gateway_state.json" "$path/gateway.pid" "$path/state/gateway.heartbeat"
    [ ! -f "$path/.env" ] || { begin "env $path/.env"; plain_env "$path/.env"; end; }
  done
  for folder in $orphans; do recorded_pids "$folder/gateway.pid"; done
}
# Services of roles that are no gateways: with a file that only we write, and not in the inventory.
look_ours() { # MANAGER BEFORE BEHIND ENDING KNOWN-SERVICE...: sets `ours`, by the manager's own names
  ours=
  named=$1
  before=$2
  behind=$3
  ending=$4
  shift 4
  known=" $* "
  for path in "$before"*"$behind"; do
    [ -f "$path" ] || continue
    name=${path#"$before"}
    name=${name%"$behind"}
    case $name in hermes-gateway* | *[!A-Za-z0-9:_.-]*) continue ;; esac
    case $known in *" $name "*) continue ;; esac
    say "ours $named $name"
    ours="$ours $name$ending"
  done
}
plain_env() { # FILE: its lines that say where something listens
  readable "$1" || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *PASSWORD* | *TOKEN* | *SECRET* | *_KEY*) ;;
      [A-Z]*_PORT=* | [A-Z]*_HOST=* | [A-Z]*_ENABLED=*) printf '%s\n' "$line" ;;
    esac
  done 2>/dev/null <"$1"
}

# What was written after the gateway started, when it wrote its pid file; a home stands for the code.
look_newer() { # HOME...
  for path; do
    [ -e "$path/gateway.pid" ] || continue
    for name in config.yaml .env; do
      [ ! "$path/$name" -nt "$path/gateway.pid" ] || say "newer $path/$name"
    done
    [ -z "$hermes_code" ] || [ ! "$hermes_code" -nt "$path/gateway.pid" ] || say "newer $path"
  done
}

# An API may listen on another port than the inventory says, if somebody changed it on the host.
look_ports() { # KNOWN-URLS ENV-FILE... : adds to `urls`
  known=$1
  shift
  for path; do
    readable "$path" || continue
    while IFS='=' read -r key port; do
      port=${port#[\"\']}
      port=${port%[\"\']}
      case $key:$port in
        *API_SERVER_PORT:*[!0-9]* | *API_SERVER_PORT:) ;;
        API_SERVER_PORT:* | 'export API_SERVER_PORT':*) add_url "http://127.0.0.1:$port/health" ;;
      esac
    done <"$path"
  done
}
add_url() { case " $known $urls " in *" $1 "*) ;; *) urls="$urls $1" ;; esac; }
