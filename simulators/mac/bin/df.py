#!/opt/mac/gnu/bin/python3 -IS
"""`df` of a Mac: -P, -k, -h, with paths."""

import getopt
import os
import sys

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from processes import refuse  # noqa: E402

try:
    options, paths = getopt.getopt(sys.argv[1:], "Pkh")
except getopt.GetoptError:
    refuse("df")
unit = 1024 if ("-k", "") in options else 512
human = ("-h", "") in options


def amount(number: float) -> str:
    """Return a number of bytes as it is shown."""
    if not human:
        return str(int(number // unit))
    for letter in ("B", "Ki", "Mi", "Gi"):
        if number < 1000:
            return f"{number:.0f}{letter}"
        number /= 1024
    return f"{number:.1f}Ti"


print(f"Filesystem {'Size' if human else f'{unit}-blocks'} Used Available Capacity Mounted on")
for path in paths or ["/"]:
    try:
        now = os.statvfs(path)
    except OSError as error:
        print(f"df: {path}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
    size, left = now.f_blocks * now.f_frsize, now.f_bavail * now.f_frsize
    used = size - now.f_bfree * now.f_frsize
    share = 100 * used // max(1, used + left)
    print(f"/dev/disk3s1s1 {amount(size)} {amount(used)} {amount(left)} {share}% /")
