#!/opt/mac/gnu/bin/bash -p
# /bin/sh of a Mac is bash 3.2: this is bash 5 that behaves like 3.2 where it has an option for it.
exec -a sh /opt/mac/gnu/bin/bash --posix -O compat32 "$@"
