# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# launchd's daemons: what launchd.sh does, for the domain of the system. Anybody may look at it.

system_jobs=
system_disabled=
of_daemons() { # FUNCTION WORDS...: calls a function of launchd.sh
  agents_folder=$launchd_agents
  agents_notes=$launchd_notes
  agents_jobs=$jobs
  agents_domains=$domains
  agents_domain=$domain
  agents_disabled=$disabled
  launchd_name=launchd-system
  launchd_agents=$launchd_system_folder
  launchd_notes=$launchd_system_notes
  launchd_owner=0
  launchd_sudo='sudo '
  domains=system
  domain=system
  jobs=$system_jobs
  disabled=$system_disabled
  "$@"
  code_of_system=$?
  system_jobs=$jobs
  system_disabled=$disabled
  launchd_name=launchd
  launchd_agents=$agents_folder
  launchd_notes=$agents_notes
  launchd_owner=
  launchd_sudo=
  domains=$agents_domains
  domain=$agents_domain
  jobs=$agents_jobs
  disabled=$agents_disabled
  return $code_of_system
}

# Only daemons that are there: most Macs have none of a gateway. Where they are wanted one may have
# lost its plist and run.
launchd_system_look() { # LABEL...
  for label; do
    shift
    for path in "$launchd_system_folder"/$label.plist; do
      [ -z "$may_root" ] && [ ! -e "$path" ] && [ ! -L "$path" ] || set -- "$@" "$label"
      break
    done
  done
  of_daemons launchd_look "$@"
}
launchd_system_defined() { of_daemons launchd_defined; }
launchd_system_said() { of_daemons launchd_said "$@"; }
launchd_system_log() { of_daemons launchd_log "$@"; }
launchd_system_journal() { of_daemons launchd_journal "$@"; }
