#!/opt/mac/gnu/bin/python3 -IS
"""`plutil` of a Mac: -lint, -p, -convert xml1|json -o FILE, -extract KEYPATH FORMAT -o FILE."""

from __future__ import annotations

import json
import plistlib
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from processes import refuse  # noqa: E402


def main() -> int:
    """Do what is asked, and return the code to end with."""
    match sys.argv[1:]:
        case ["-lint", "-s", *paths] | ["-lint", "--", *paths] | ["-lint", *paths]:
            return max(lint(path, silent="-s" in sys.argv) for path in paths)
        case ["-p", path]:
            return show(path, lambda value: json.dumps(value, indent=2, default=str))
        case ["-convert", ("xml1" | "json") as form, "-o", target, *_, path]:
            return write(path, [], form, target)
        case ["-extract", keys, ("raw" | "xml1" | "json") as form, "-o", target, *_, path]:
            return write(path, keys.split("."), form, target)
        case ["-extract", keys, "raw", path]:
            return write(path, keys.split("."), "raw", "-")
    return refuse("plutil")


def read(path: str) -> Any:
    """Return what is in a file; `-` is the input."""
    return plistlib.loads(sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes())


def lint(path: str, *, silent: bool) -> int:
    """Say whether a file is a property list."""
    try:
        read(path)
    except OSError as error:
        print(f"{path}: file does not exist or is not readable or is not a regular file ({error})")
        return 1
    except Exception as error:  # plistlib raises whatever its parsers do
        print(f"{path}: Property List error: {error}")
        return 1
    if not silent:
        print(f"{path}: OK")
    return 0


def show(path: str, form: Any) -> int:
    """Print a whole file."""
    try:
        print(form(read(path)))
    except Exception as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    return 0


def write(path: str, keys: list[str], form: str, target: str) -> int:
    """Write a value of a file in a form."""
    try:
        value = read(path)
        for key in keys:
            value = value[int(key)] if isinstance(value, list) else value[key]
    except (KeyError, IndexError, TypeError, ValueError):
        print(f"{path}: Could not extract value, error: No value at that key path", file=sys.stderr)
        return 1
    except Exception as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    text = {"xml1": xml, "json": as_json, "raw": raw}[form](value)
    if target == "-":
        sys.stdout.write(text)
    else:
        Path(target).write_text(text)
    return 0


def xml(value: Any) -> str:
    """Return a value as a property list."""
    return plistlib.dumps(value, sort_keys=False).decode()


def as_json(value: Any) -> str:
    """Return a value as JSON, without a line's end."""
    return json.dumps(value, separators=(",", ":"))


def raw(value: Any) -> str:
    """Return a value as it is; of an array how many it has, of a dictionary its keys."""
    match value:
        case bool():
            return f"{str(value).lower()}\n"
        case list():
            return f"{len(value)}\n"
        case dict():
            return "".join(f"{key}\n" for key in value)
        case datetime():
            return f"{value.isoformat()}Z\n"
    return f"{value}\n"


sys.exit(main())
