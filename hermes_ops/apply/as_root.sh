# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# What root does, in a shell of its own: parts that the operator sent, when a user's script asks for them.

room=/var/run/hermes-ops.$nonce
sudo_password=

plan_stop() { :; } # the user's script has announced it: root writes nothing in a home

# The input ends with the user's script, however that ends.
end_with_script() {
  while IFS= read -r line; do :; done
  echo end >&3
}
serve() { # USER PART...: each is a function do_PART
  user=$1
  shift
  parts=" $* "
  trap '' HUP PIPE
  exec 5<&0
  # Not `mkfifo -m`: GNU's needs /proc for it.
  mkdir -m 711 "$room" && (umask 077 && mkfifo "$room/ask" "$room/answer") && chown "$user" "$room/ask" "$room/answer" &&
    exec 3<>"$room/ask" 4<>"$room/answer" && : >"$room/said" || return
  XDG_RUNTIME_DIR=$room/trial
  mkdir -m 700 "$XDG_RUNTIME_DIR"
  end_with_script <&5 4>&- 5<&- &
  while IFS= read -r part <&3; do
    [ "$part" != end ] || break
    case $parts in
      *" $part "*) "do_$part" ;;
      *)
        printf 'this was not agreed on'
        false
        ;;
    esac >"$room/said" 2>&1 </dev/null 3<&- 4>&- 5<&-
    printf '%s\n' $? >&4
  done
  rm -rf "$room"
}

# Only root writes in this folder, so that nobody can put a link there in between.
stage() { # PATH: its content is the input
  mkdir -p "${1%/*}" && rm -f "${1%/*}/.${1##*/}.hermes-ops."* && cat >"${1%/*}/.${1##*/}.hermes-ops.$$"
}
put() { # PATH MODE
  chmod "$2" "${1%/*}/.${1##*/}.hermes-ops.$$" && mv -f "${1%/*}/.${1##*/}.hermes-ops.$$" "$1"
}
settle() { # PATH...: on the disk before the first is renamed
  for path; do
    shift
    set -- "$@" "${path%/*}/.${path##*/}.hermes-ops.$$"
  done
  sync "$@" 2>/dev/null || sync
}
unstage() { # PATH...
  for path; do rm -f "${path%/*}/.${path##*/}.hermes-ops.$$"; done
}
lead() { # TARGET PATH
  mkdir -p "${2%/*}" && rm -f "$2" && ln -s "$1" "$2"
}
