#!/usr/bin/python3 -IS
"""Boot a simulated Mac: this becomes its process 1."""

import sys

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from launchd.main import main  # noqa: E402

main()
