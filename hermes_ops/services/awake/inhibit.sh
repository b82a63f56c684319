# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Keep a Linux machine awake: a unit that holds an inhibitor of logind.

inhibit_look() {
  [ -d /run/systemd/system ] && has systemd-inhibit && has busctl || return 0
  inhibit_holders || return 0
  say 'awake logind yes'
  for what in idle sleep; do ! may_inhibit "$what" || say "awake may-$what yes"; done
  ! user_bus || inhibit_tell user hermes-awake.service "$systemd_folder" --user
  inhibit_tell system "hermes-awake-$uid.service" /etc/systemd/system --system
  ! sleeps_by_lid || say 'awake lid yes'
}
# polkit decides by the user, and by whether somebody sits before the machine. What asks here is no
# more at its seat than the unit would be. Nothing is inhibited for that.
may_inhibit() { # WHAT
  [ "$uid" != 0 ] || return 0
  answer=$(limited 10 busctl call org.freedesktop.PolicyKit1 /org/freedesktop/PolicyKit1/Authority \
    org.freedesktop.PolicyKit1.Authority CheckAuthorization '(sa{sv})sa{ss}us' \
    unix-process 2 pid u $$ start-time t 0 "org.freedesktop.login1.inhibit-block-$1" 0 0 '' 2>/dev/null </dev/null)
  case $answer in '(bba{ss}) true '*) ;; *) return 1 ;; esac
}
sleeps_by_lid() {
  [ -d /proc/acpi/button/lid ] || return
  answer=$(limited 10 busctl get-property org.freedesktop.login1 /org/freedesktop/login1 \
    org.freedesktop.login1.Manager HandleLidSwitch 2>/dev/null </dev/null)
  case $answer in *ignore* | *lock*) return 1 ;; esac
}
inhibit_tell() { # SCOPE UNIT FOLDER OPTION
  begin "awake $1-unit"
  SYSTEMD_BUS_TIMEOUT=15 systemctl "$4" show -p ActiveState,UnitFileState,Result "$2" 2>/dev/null </dev/null
  end
  readable "$3/$2" || return 0
  begin "awake $1-text"
  cat "$3/$2"
  end
}
# Only newer ones can say it as JSON, and they print nothing at all of an empty list; what logind itself
# answers is the same, without names.
inhibit_holders() {
  said=$(limited 10 systemd-inhibit --list --no-pager --json=short 2>/dev/null </dev/null) ||
    said=$(limited 10 busctl call org.freedesktop.login1 /org/freedesktop/login1 \
      org.freedesktop.login1.Manager ListInhibitors --json=short 2>/dev/null </dev/null) || return
  begin 'awake holders'
  printf '%s' "${said:-[]}"
  end
}

# What is about the unit of the system, root runs.
in_scope() { # SCOPE WORDS-OF-SYSTEMCTL...
  scope=$1
  shift
  systemctl "--$scope" "$@"
}
inhibit_right() { # SCOPE: whether there is somebody to order
  [ "$1" != user ] || await_bus
}
inhibit_on() { # SCOPE UNIT MAY-LINGER FOLLOWS TEXT
  [ "$1$3" != useryes ] || enable_linger || return
  inhibit_right "$1" || return
  inhibit_write "$1" "$2" "$5" || { printf 'its unit %s cannot be written' "$2"; return 1; }
  inhibit_start "$1" "$2" || { printf 'systemd does not start %s' "$2"; return 1; }
  [ -n "$4" ] || inhibit_await "$1" "$2"
}
inhibit_start() { # SCOPE UNIT
  in_scope "$1" daemon-reload && in_scope "$1" enable --quiet "$2" && in_scope "$1" restart "$2"
}
inhibit_write() { # SCOPE UNIT TEXT
  inhibit_folder "$1"
  mkdir -p "$folder" || return
  [ ! -d "$folder/$2" ] || return
  printf %s "$3" >"$folder/.$2.new" && chmod 644 "$folder/.$2.new" && mv "$folder/.$2.new" "$folder/$2"
}
inhibit_folder() { # SCOPE: sets `folder`
  folder=/etc/systemd/system
  [ "$1" != user ] || folder=$systemd_folder
}
inhibit_await() { # SCOPE UNIT: until logind lists its process
  tries=0
  while [ $tries -lt 40 ]; do
    holder=$(systemctl "--$1" show -p MainPID --value "$2")
    case $(systemd-inhibit --list --no-pager 2>/dev/null) in
      *[!0-9]"$holder"[!0-9]*) [ "${holder:-0}" = 0 ] || return 0 ;;
    esac
    sleep 0.25
    tries=$((tries + 1))
  done
  printf 'logind lists no inhibitor of %s' "$2"
  return 1
}
inhibit_off() { # SCOPE UNIT
  inhibit_right "$1" || return
  in_scope "$1" disable --quiet --now "$2" 2>/dev/null || in_scope "$1" stop "$2" 2>/dev/null
  inhibit_folder "$1"
  rm -f "$folder/$2" || return
  in_scope "$1" daemon-reload
}
