#!/opt/mac/gnu/bin/bash -p
# /bin/bash of a Mac is 3.2: see sh.
exec -a bash /opt/mac/gnu/bin/bash -O compat32 "$@"
