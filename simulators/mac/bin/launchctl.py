#!/opt/mac/gnu/bin/python3 -IS
"""`launchctl` of the simulated Mac."""

import sys

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from client import main  # noqa: E402

sys.exit(main("launchctl", sys.argv[1:]))
