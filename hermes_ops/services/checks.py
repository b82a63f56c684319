"""What managers' checks have in common: the answers of commands, asked through `host.run`."""

from __future__ import annotations

import shlex
from typing import Any


def word(ended: Any) -> str:
    """Return the one word that a command printed, or its complaint."""
    return str(ended.stdout.strip() or ended.stderr.strip() or "unknown")


def variable(name: str, text: str) -> str | None:
    """Return a variable out of `NAME=value` words."""
    words = [word.partition("=") for word in shlex.split(text)]
    return next((value for key, equals, value in words if equals and key == name), None)


def pid(ended: Any, name: str) -> int:
    """Return the process that a command printed; without one the check fails."""
    said = ended.stdout.strip()
    assert said.isdigit() and int(said), f"{name} has no process"  # noqa: S101 - it fails the check
    return int(said)
