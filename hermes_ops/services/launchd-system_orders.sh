# shellcheck shell=sh disable=SC2154,SC2034 # names of the files that a script has before and behind it
# Order launchd's daemons: root does it, at the request of a script.

launchd_system_do() { # VERB LABEL
  [ -n "$boot" ] || boot_id
  of_daemons launchd_do "$@"
}
launchd_system_switch() { of_daemons launchd_switch "$@"; }
launchd_system_proof() { of_daemons launchd_proof "$@"; }
# The user's script does this, before it asks root to end a gateway.
launchd_system_announce() { # LABEL HOME
  of_daemons launchd_sees "$1" >/dev/null && plan_stop "$2" "$job_pid" || :
}
