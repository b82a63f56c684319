# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# What runs on this host beside our services: processes, and servers.

# Who serves TCP ports, as the kernel lists it: addresses in hexadecimal, state `0A`, the inode of the
# socket; then the open files of the processes in `pids`, to tell which of them are theirs. Only if
# none of these has a wanted port, all processes of this user are asked, and its holder joins `pids`.
look_servers() { # WANTED-PORT-IN-HEXADECIMAL...
  [ -r /proc/net/tcp ] || return 0
  listening=$(grep -h -e ' 0A ' -e ': POSIX .* WRITE ' /proc/net/tcp /proc/net/tcp6 /proc/locks 2>/dev/null)
  begin servers
  printf '%s\n' "$listening"
  end
  ports=" $* "
  set --
  for pid in $pids; do set -- "$@" "/proc/$pid/fd"; done
  sockets=
  [ $# -eq 0 ] || known_sockets "$@"
  foreign_sockets
  [ -z "$held" ] || {
    read=
    for path in /proc/[0-9]*/fd; do [ ! -r "$path" ] || read="$read $path"; done
    # shellcheck disable=SC2086 # paths without blanks
    sockets=$(list_sockets $read)
    add_holders
  }
  [ -z "$sockets" ] || { begin sockets; printf '%s\n' "$sockets"; end; }
  look_locked
}
# Which locks of listed files, that bar others from writing, processes beside ours have. Whoever writes has
# one for a moment: so what is found is asked again a second later, and only what is still there is told.
look_locked() {
  locked=
  foreign_locks "$listening"
  [ -n "$locked" ] || return 0
  sleep 1
  before=$locked
  locked=
  foreign_locks "$(grep ': POSIX .* WRITE ' /proc/locks 2>/dev/null)"
  set -f
  IFS=$newline
  for line in $locked; do
    case $newline$before in *"$newline$line$newline"*) say "locked $line" ;; esac
  done
  unset IFS
  set +f
}
foreign_locks() { # LINES: adds to `locked` the pid, inode, first and last byte of each
  set -f
  IFS=$newline
  for line in $1; do
    unset IFS
    # shellcheck disable=SC2086 # its fields: number, POSIX, ADVISORY, WRITE, pid, device:inode, bytes
    set -- $line
    [ $# -ge 8 ] && [ "$2" = POSIX ] || continue
    case " $pids " in *" $5 "*) continue ;; esac
    case " $listing" in *" ${6##*:} "* | *"$newline${6##*:} "*) locked="$locked$5 ${6##*:} $7 $8$newline" ;; esac
  done
  unset IFS
  set +f
}
known_sockets() { # FOLDER...: of few processes; sets `sockets`
  set -f
  IFS=$newline
  # shellcheck disable=SC2045 # the names are numbers, and a glob shows no inode of a socket
  for line in $(ls -ln -- /dev/null "$@" 2>/dev/null); do
    case $line in
      /proc/* | *' socket:'* | */gateway.lock* | *.log | *.db | *' (deleted)') sockets=$sockets$line$newline ;;
    esac
  done
  unset IFS
  set +f
  sockets=${sockets%"$newline"}
}
list_sockets() { # FOLDER...; a first operand besides: so `ls` names each folder before its entries
  # shellcheck disable=SC2012 # the names are numbers, and find prints no inode of a socket
  ls -ln -- /dev/null "$@" 2>/dev/null | sed -n -e '/^\/proc\//p' -e '/ socket:/p' -e '/\/gateway\.lock/p' \
    -e '/\.log$/p' -e '/\.db$/p' -e '/ (deleted)$/p'
}
foreign_sockets() { # sets `held`, the inodes of the sockets at wanted ports that no known process has
  held=
  [ "$ports" != '  ' ] || return 0
  set -f
  IFS=$newline
  for line in $listening; do
    unset IFS
    # shellcheck disable=SC2086 # its fields: number, local address, …, the inode as the tenth
    set -- $line
    case $ports in *" ${2##*:} "*) ;; *) continue ;; esac
    case $sockets in *"socket:[${10}]"*) ;; *) held="${held}[${10}]$newline" ;; esac
  done
  unset IFS
  set +f
}
add_holders() {
  while read -r line; do
    case $line in
      /proc/*/fd:) pid=${line#/proc/}; pid=${pid%/fd:} ;;
      *" socket:"*) case $held in *"${line##* socket:}"*) pids="$pids $pid" ;; esac ;;
    esac
  done <<EOT
$sockets
EOT
}

# Whether the processes in `pids` run the interpreter that Hermes has now. One that none of them runs is
# asked: it may be a wrapper of theirs, a Python for which Hermes is not installed, or no Python at all.
look_interpreter() {
  [ -d /proc/self ] && [ -n "$hermes_python" ] && [ -x "$hermes_python" ] || return 0
  set --
  alike=
  for pid in $pids; do
    [ -e "/proc/$pid/exe" ] || continue
    if [ "$hermes_python" -ef "/proc/$pid/exe" ]; then alike=yes; else set -- "$@" "$pid"; fi
  done
  program=$hermes_python
  [ -n "$alike" ] || program=$(ask_interpreter) || { say "hermes broken yes"; return; }
  for pid; do
    [ "$program" -ef "/proc/$pid/exe" ] || say "interpreter $pid $(readlink "/proc/$pid/exe")"
  done
}
ask_interpreter() {
  limited 10 "$hermes_python" -P -B -c 'import importlib.util, os, sys
print(os.path.realpath("/proc/self/exe"))
sys.exit(importlib.util.find_spec("hermes_cli") is None)' 2>/dev/null </dev/null
}

# The names of the variables that the user's manager gives to whatever it starts next, and of those that
# it will give after it has read the files again, at the latest after a boot. HOME counts if it is another.
look_given() {
  user_bus && has systemctl || return 0
  SYSTEMD_BUS_TIMEOUT=15 systemctl --user show-environment 2>/dev/null </dev/null | say_given -
  for place in .config/environment.d/*.conf /etc/environment.d/*.conf; do
    # shellcheck disable=SC2094 # the function only names it
    ! readable "$place" || say_given "$place" <"$place"
  done
  for place in /etc/systemd/user.conf /etc/systemd/user.conf.d/*.conf .config/systemd/user.conf \
    .config/systemd/user.conf.d/*.conf; do
    # shellcheck disable=SC2094 # as before
    ! readable "$place" || default_given "$place" <"$place"
  done
}
default_given() { # WHERE: of a configuration of systemd itself
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in DefaultEnvironment=*) ;; *) continue ;; esac
    set -f
    for word in ${line#*=}; do
      word=${word#[\"\']}
      printf '%s\n' "$word"
    done | say_given "$1"
    set +f
  done
}
say_given() { # WHERE
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      "HOME=$HOME" | "HOME=$HOME/") ;;
      [A-Z]*=*) case ${line%%=*} in *[!A-Z0-9_]*) ;; *) say "given ${line%%=*} $1" ;; esac ;;
    esac
  done
}

# On which addresses and ports this user may listen: asked only for what a host may not have. The shell
# reads byte for byte, and of such a file the kernel gives no second byte.
look_addresses() { # YES-OR-EMPTY
  [ -n "$1" ] && [ -r /proc/sys/net/ipv4/ip_nonlocal_bind ] || return 0
  say "unprivileged $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null)"
  [ "$(cat /proc/sys/net/ipv4/ip_nonlocal_bind)" = 0 ] && [ -r /proc/net/fib_trie ] || return 0
  begin addresses
  awk '$1 == "|--" { address = $2 } / host LOCAL/ { print address }' /proc/net/fib_trie
  [ ! -r /proc/net/if_inet6 ] || awk '{ print $1 }' /proc/net/if_inet6
  end
}

# The command lines and homes of gateways, and of the processes in `pids`; of these also the names of
# the variables with which they were started; HOME is named only if it is another one. Of the environment
# no value but HERMES_HOME leaves the host. All files are read by one process, as a shell cannot read a NUL.
look_commands() {
  [ -d /proc/self ] || { bsd_commands; return; }
  has head && has awk || return 0
  read=
  for path in /proc/[0-9]*; do
    [ ! -r "$path/environ" ] || read="$read $path/environ $path/cgroup $path/cmdline"
  done
  begin commands
  # shellcheck disable=SC2086 # paths without blanks
  head -c 65536 /dev/null $read 2>/dev/null | tr '\000\t' '\n ' | awk -v wanted="$pids " -v own="$HOME" '
    function show(number, line) {
      if (pid != "" && (index(wanted, " " pid " ") || gateway && runs)) {
        line = pid "\t" home "\t" group
        for (number = 0; number < count && number < 12; number++) line = line "\t" substr(words[number], 1, 300)
        print line
      }
      if (names != "" && index(wanted, " " pid " ")) print "names\t" pid names
    }
    /^==> .*\/[0-9]+\/(environ|cgroup|cmdline) <==$/ {
      depth = split($2, part, "/")
      file = part[depth]
      if (file == "environ") { show(); pid = part[depth - 1]; home = group = names = ""; count = gateway = runs = 0 }
      next
    }
    file == "environ" && /^HERMES_HOME=/ { home = substr($0, 13) }
    file == "environ" && /^HOME=/ && (substr($0, 6) == own || substr($0, 6) == own "/") { next }
    file == "environ" && /^[A-Z][A-Z0-9_]*=/ { names = names "\t" substr($0, 1, index($0, "=") - 1) }
    file == "cgroup" && /^(0:|[0-9]+:name=systemd):/ { group = substr($0, index($0, ":/") + 1) }
    file == "cmdline" && $0 != "" {
      words[count++] = $0
      if ($0 == "gateway") gateway = 1
      if (gateway && $0 == "run") runs = 1
    }
    END { show() }'
  end
}
