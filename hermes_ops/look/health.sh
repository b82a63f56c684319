# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# What a doctor asks besides the look: how full and busy a host is, and what may stop its gateways one day.

look_health() { # YES-OR-EMPTY HOME...: whether gateways need a network at boot; their homes
  needs_network=$1
  shift
  free_inodes
  free_memory
  [ ! -r /proc/loadavg ] || { read -r load _ </proc/loadavg && say "health load $load"; }
  processors
  name_servers
  clock_is_set
  identities
  lock_folder
  packages_changed "$@"
  [ -z "$needs_network" ] || waits_for_network
  sleeps
  [ ! -x /bin/launchctl ] || look_mac
  commands_there
  scheduled
  weigh "$@"
}
processors() {
  if readable /sys/devices/system/cpu/online && read -r online </sys/devices/system/cpu/online; then
    cpus=0
    IFS=,
    for part in $online; do cpus=$((cpus + ${part#*-} - ${part%-*} + 1)); done # such as 0-3,6
    unset IFS
  else
    cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null) || return 0
  fi
  say "health cpus $cpus"
}
name_servers() {
  if has scutil; then mac_name_servers; return; fi
  readable /etc/resolv.conf || return 0
  servers=0
  while read -r word server _ || [ -n "$word" ]; do
    [ "$word" != nameserver ] || [ -z "$server" ] || servers=$((servers + 1))
  done </etc/resolv.conf
  say "health nameservers $servers"
}
mac_name_servers() { # macOS itself does not read /etc/resolv.conf
  case $(limited 5 scutil --dns 2>/dev/null) in
    *nameserver\[*) say "health nameservers 1" ;;
    *'resolver #'* | *'No DNS configuration available'*) say "health nameservers 0" ;;
  esac
}
free_inodes() {
  least_left -Pi
  [ -z "$left" ] || say "health inodes $left$left_at"
}
free_memory() { # in KiB, as the kernel counts what programs may still get
  [ -r /proc/meminfo ] || return 0
  while read -r key value _; do
    case $key in
      MemTotal:) say "health memory $value" ;;
      MemAvailable:) say "health available $value"; return ;;
    esac
  done </proc/meminfo
}
clock_is_set() { # a container has the clock of its machine
  [ ! -e /run/systemd/container ] && [ ! -e /.dockerenv ] && has timedatectl || return 0
  answer=$(limited 5 timedatectl show -p NTPSynchronized --value 2>/dev/null </dev/null)
  case $answer in yes | no) say "health clock $answer" ;; esac
}
# What gateways that live keep others from: Hermes names a file by a sum of the credential, which is
# equal on every host. A session of WhatsApp is a folder, and its name says nothing elsewhere.
identities() {
  for path in "${XDG_STATE_HOME:-$HOME/.local/state}"/hermes/gateway-locks/*-*.lock; do
    readable "$path" || continue
    name=${path##*/}
    case $name in whatsapp-* | *[!a-z0-9.-]*) continue ;; esac
    pid=
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in *'"pid": '[0-9]*) pid=${line#*'"pid": '}; pid=${pid%%[!0-9]*}; break ;; esac
    done <"$path"
    [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null || say "health lock:${name%.lock} $pid"
  done
}
# A gateway that cannot write there believes that its own account is in use, or dares not connect.
lock_folder() {
  path=${XDG_STATE_HOME:-$HOME/.local/state}/hermes/gateway-locks
  until [ -e "$path" ] || [ -L "$path" ] || [ "$path" = "$HOME" ] || [ -z "$path" ]; do path=${path%/*}; done
  [ -z "$path" ] || { [ -d "$path" ] && [ -w "$path" ] && [ -x "$path" ]; } || say "health locks $path"
}
# Whether packages of Hermes' environment came or went after a gateway had started.
packages_changed() { # HOME...
  [ -n "$hermes_code" ] && readable "$venv/pyvenv.cfg" || return 0
  for path; do
    [ ! -e "$path/gateway.pid" ] || [ ! "$project" -nt "$path/gateway.pid" ] || say "health packages:$path newer"
  done
}
# The commands by which Hermes starts itself with a profile; they stay when that is deleted. Our own
# command, and links, are none of them.
commands_there() {
  for path in .local/bin/*; do
    [ -f "$path" ] && [ ! -L "$path" ] && [ "$path" != .local/bin/hermes-gateways ] || continue
    look_aliases
    return
  done
}
# In which homes jobs of Hermes' cron are scheduled, and which: a gateway runs those of its home alone.
scheduled() {
  set --
  for path in .hermes/cron/jobs.json .hermes/profiles/*/cron/jobs.json; do
    [ ! -f "$path" ] || [ ! -r "$path" ] || [ ! -s "$path" ] || set -- "$@" "$path"
  done
  [ $# -gt 0 ] || return 0
  jobs=$(scheduled_ids "$@")
  set -f
  IFS=$newline
  for line in $jobs; do
    case $line in *[!A-Za-z0-9._/,:-]*) ;; *) say "health cron:${line%%/cron/jobs.json:*} ${line##*:}" ;; esac
  done
  unset IFS
  set +f
}
# Each file that has any, a colon, and their ids, each with a comma behind it; a job has its id before its state.
scheduled_ids() { # FILE...
  LC_ALL=C awk '
    function told() { if (ids != "") print file ":" ids }
    FILENAME != file { told(); file = FILENAME; ids = id = "" }
    {
      rest = $0
      while (match(rest, /"(id|state)": *"[A-Za-z0-9_-]*"/)) {
        split(substr(rest, RSTART, RLENGTH), word, "\"")
        rest = substr(rest, RSTART + RLENGTH)
        if (word[2] == "id") id = word[4]
        else if (word[4] == "scheduled" && length(ids) < 4000) ids = ids id ","
      }
    }
    END { told() }
  ' "$@" 2>/dev/null
}
# The user's manager, and with it a gateway, begins at boot whether there is a network or not.
waits_for_network() {
  [ -d /run/systemd/system ] && has systemctl || return 0
  own_uid
  case $(limited 5 systemctl show -p After --value "user@$uid.service" 2>/dev/null </dev/null) in
    '') ;;
    *network-online.target*) say "health network awaited" ;;
    *) say "health network unawaited" ;;
  esac
}
# A machine with a battery sleeps when its lid is closed, unless that is masked.
sleeps() {
  for path in /sys/class/power_supply/BAT*; do
    [ -d "$path" ] || return 0
    if [ "$(readlink /etc/systemd/system/sleep.target)" = /dev/null ]; then return 0; fi
    say "health battery yes"
    return
  done
}
# How large the databases and logs of gateways are. The lock of the dispatcher is listed with them.
weigh() { # HOME...
  files=
  lock=.hermes/kanban/.dispatcher.lock
  [ ! -f "$lock" ] || [ ! -r /proc/locks ] || files=$lock$newline
  for home; do
    for path in "$home"/state.db "$home"/state.db-wal "$home"/logs/* "$home"/gateway-starts.log; do
      [ ! -f "$path" ] || files=$files$path$newline
    done
  done
  [ -n "$files" ] || return 0
  set -f
  IFS=$newline
  # shellcheck disable=SC2086 # one word for each line
  set -- $files
  unset IFS
  set +f
  listing=$(ls -ldin -- "$@" 2>/dev/null)
  case ${listing%%"$newline"*} in *" $lock") dispatcher "${listing%%"$newline"*}" ;; esac
  begin sizes
  printf '%s' "$listing"
  end
}
# Whether a gateway holds the lock of the one that hands out kanban work: who lost it waits for ever.
dispatcher() { # LINE of ls: the inode comes first, and may have blanks before it
  # shellcheck disable=SC2086 # its fields
  set -- $1
  if grep -q ":$1 " /proc/locks; then say "health dispatcher held"; else say "health dispatcher free"; fi
}
