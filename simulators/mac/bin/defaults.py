#!/opt/mac/gnu/bin/python3 -IS
"""`defaults read PATH [KEY]` of a Mac, for property lists by their path."""

import plistlib
import sys
from pathlib import Path

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from processes import refuse  # noqa: E402


def main() -> int:
    """Print a value; 1 if there is none."""
    match sys.argv[1:]:
        case ["read", domain, key] if domain.startswith("/"):
            pass
        case _:
            refuse("defaults")
    try:
        value = plistlib.loads(Path(domain.removesuffix(".plist") + ".plist").read_bytes())[key]
    except (OSError, KeyError, plistlib.InvalidFileException):
        print(f"\nThe domain/default pair of ({domain}, {key}) does not exist", file=sys.stderr)
        return 1
    print(int(value) if isinstance(value, bool) else value)
    return 0


sys.exit(main())
