# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# systemd's services of the system: what systemd.sh does, for its units.

system_seen=
of_system() { # FUNCTION WORDS...: calls a function of systemd.sh
  seen_units=$units
  units=$system_seen
  user_units=$systemd_folder
  systemd_name=systemd-system
  systemd_scope=--system
  journal_scope=-q # not --system: what a service itself says is in the journal of its user
  systemd_folder=$system_units
  "$@"
  code_of_system=$?
  system_seen=$units
  units=$seen_units
  systemd_name=systemd
  systemd_scope=--user
  journal_scope=--user
  systemd_folder=$user_units
  return $code_of_system
}

# Only units that are there: to ask costs a host as much as the rest of a look. Where they are wanted
# one may have lost its file and run.
systemd_system_look() { # UNIT...
  for unit; do
    shift
    for path in "$system_units"/$unit; do
      [ -z "$may_root" ] && [ ! -e "$path" ] && [ ! -L "$path" ] || set -- "$@" "$unit"
      break
    done
  done
  of_system systemd_look "$@"
}
systemd_system_defined() { of_system systemd_defined; }
systemd_system_said() { of_system systemd_said "$@"; }
is_of_user() { # UNIT: a name stands for one unit of the host, whichever user it runs as
  readable "$system_units/$1" && grep -q -x -F -e "User=$user" -e "User=$uid" "$system_units/$1"
}
# What a service of a user itself says, this user may read; what systemd says about it, often not.
systemd_system_log() { ! is_of_user "$1" || of_system systemd_log "$@"; }
systemd_system_journal() { ! is_of_user "$1" || of_system systemd_journal "$@"; }
