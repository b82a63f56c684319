#!/opt/mac/gnu/bin/python3 -IS
"""`dscl` of a Mac: `. -read /Users/NAME KEY…`, `. -list /Users [KEY]`, and of groups."""

from __future__ import annotations

import grp
import pwd
import sys

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from processes import refuse  # noqa: E402

NOT_FOUND = "<dscl_cmd> DS Error: -14136 (eDSRecordNotFound)"


def main() -> int:
    """Print what is known of a user or a group."""
    match sys.argv[1:]:
        case ["." | "/Local/Default" | "/Search", "-read" | "read", path, *keys] if keys:
            return read(path, keys)
        case ["." | "/Local/Default" | "/Search", "-list" | "list", "/Users", *keys]:
            for user in pwd.getpwall():
                values = " ".join(record(f"/Users/{user.pw_name}")[key] for key in keys)
                print(f"{user.pw_name:<20} {values}".rstrip())
            return 0
    return refuse("dscl")


def read(path: str, keys: list[str]) -> int:
    """Print some attributes of a record."""
    try:
        found = record(path)
    except KeyError:
        print(NOT_FOUND, file=sys.stderr)
        return 56
    for key in keys:
        if key not in found:
            print(f"No such key: {key}", file=sys.stderr)
            continue
        # A value that is long or has blanks is on a line of its own.
        value = found[key]
        folds = key == "RealName" or len(key) + len(value) > 75
        print(f"{key}:\n {value}" if folds else f"{key}: {value}")
    return 0


def record(path: str) -> dict[str, str]:
    """Return the attributes of a user or a group."""
    _, kind, name = path.split("/")
    if kind == "Groups":
        group = grp.getgrnam(name)
        members = " ".join(group.gr_mem)
        return {"PrimaryGroupID": str(group.gr_gid), "GroupMembership": members}
    user = pwd.getpwnam(name)
    return {
        "NFSHomeDirectory": user.pw_dir,
        "UniqueID": str(user.pw_uid),
        "PrimaryGroupID": str(user.pw_gid),
        "UserShell": user.pw_shell,
        "RealName": user.pw_gecos or user.pw_name,
        "RecordName": user.pw_name,
    }


sys.exit(main())
