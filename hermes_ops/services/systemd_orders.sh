# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Control systemd's services, of a user or of the system.

is_staged() { [ -f "${1%/*}/.${1##*/}.hermes-ops.$$" ]; }
file_in() { # LINE, which begins with PATH:NUMBER: prints the name of the file
  path=${1%%:*}
  printf %s "${path##*/}"
}
# systemd reads the unit and its drop-ins as they will be. It also tells which lines it would ignore:
# of files that are not written now, that is not our matter.
systemd_proof() { # UNIT
  has systemd-analyze || return 0
  trial=$XDG_RUNTIME_DIR/hermes-ops.$$
  mkdir -p "$trial/$1.d" || return 0
  cp "$systemd_folder/$1" "$trial/"
  cp "$systemd_folder/$1.d"/*.conf "$trial/$1.d/"
  cp "$systemd_folder/.$1.hermes-ops.$$" "$trial/$1"
  for path in "$systemd_folder/$1.d"/.*".hermes-ops.$$"; do
    name=${path##*/.}
    [ ! -f "$path" ] || cp "$path" "$trial/$1.d/${name%.hermes-ops.*}"
  done
  said=$(limited 20 systemd-analyze verify "$systemd_scope" --man=no "$trial/$1" 2>&1)
  rm -rf "$trial"
  printf '%s\n' "$said" | { # a pipe has a shell of its own: no variable of it comes back
    while IFS= read -r line; do
      case $line in
        # A key that this systemd does not know may be one of a newer one.
        *"Unknown key"* | *"Unknown lvalue"*) continue ;;
        "$trial/$1.d/"*) is_staged "$systemd_folder/$1.d/$(file_in "$line")" || continue ;;
        "$trial/$1:"*) is_staged "$systemd_folder/$1" || continue ;;
        "$1: Command "*" is not executable"*)
          path=${line#"$1: Command "}
          path=${path%% is not executable*}
          ! is_staged "$path" || continue
          ;;
        "$1: "*) ;;
        *) continue ;;
      esac
      printf 'systemd would not take it: %s' "${line#"$trial/"}"
      exit 1
    done
  }
}

# A folder of drop-ins goes with its last file; that of a gateway also after a run that was cut off.
systemd_reload() { # FOLDERS: of drop-ins that were removed
  rmdir "$@" "$systemd_folder"/hermes-gateway*.service.d 2>/dev/null
  systemctl "$systemd_scope" daemon-reload
}
# Control several units with one call. If it fails, each unit is controlled alone later, which shows
# the cause.
ahead=' '
systemd_ahead() { # VERB UNIT...
  [ $# -gt 2 ] || return 0
  systemd_order "$@" >/dev/null 2>&1 || return
  verb=$1
  shift
  for unit; do ahead="$ahead$verb:$unit "; done
}
systemd_order() { # VERB UNIT...
  verb=$1
  shift
  case $verb in stop | *-new) ;; *) systemctl "$systemd_scope" reset-failed "$@" 2>/dev/null ;; esac
  systemctl "$systemd_scope" --no-block "${verb%-new}" "$@"
}
systemd_do() { # VERB UNIT
  case $ahead in *" $1:$2 "*) ;; *) systemd_order "$@" || return ;; esac
  [ "$1" != stop ] || systemd_stopped "$2"
}
# systemd kills what does not end in time. Where it may not, or never would, we do.
systemd_stopped() { # UNIT
  tries=0
  while :; do
    case $(systemctl "$systemd_scope" show -p ActiveState --value "$1") in
      inactive | failed | '') break ;;
      deactivating) [ $tries -ne $(((patience + 10) * 4)) ] || systemctl "$systemd_scope" kill --signal=KILL "$1" ;;
      *) [ $tries -lt 40 ] || { printf 'it runs again: somebody else has started it'; return 1; } ;;
    esac
    [ $tries -lt $(((patience + 20) * 4)) ] || { printf 'it still runs, although it was killed'; return 1; }
    sleep 0.25
    tries=$((tries + 1))
  done
  systemctl "$systemd_scope" reset-failed "$1" 2>/dev/null
  return 0
}
