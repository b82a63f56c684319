#!/opt/mac/gnu/bin/bash -p
# What a stand-in does not know ends loudly, and stands in /run/refused: NAME WORD…
printf '%s\n' "$*" >>/run/refused
printf '%s: not known to the simulated Mac: %s\n' "$1" "$*" >&2
exit 64
