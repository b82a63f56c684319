# shellcheck shell=sh disable=SC2154 # names of the files that a script has before and behind it
# Control systemd's services of the system: root does it, at the request of a script.

systemd_system_do() { of_system systemd_do "$@"; }
systemd_system_reload() { of_system systemd_reload "$@"; }
systemd_system_proof() { of_system systemd_proof "$@"; }
