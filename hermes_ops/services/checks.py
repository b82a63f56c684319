"""Helpers for the managers' checks: they read the output of commands that `host.run` ran."""

from __future__ import annotations

import shlex
from typing import Any


def enablement(found: Any) -> str:
    """Return `enabled` if a command found what starts the service by itself."""
    return "enabled" if found.rc == 0 else "disabled"


def word(ended: Any) -> str:
    """Return the word that a command printed, or its error message."""
    return str(ended.stdout.strip() or ended.stderr.strip() or "unknown")


def variable(name: str, text: str) -> str | None:
    """Return the value of a variable in a list of `NAME=value` words."""
    words = [word.partition("=") for word in shlex.split(text)]
    return next((value for key, equals, value in words if equals and key == name), None)


def pid(ended: Any, name: str) -> int:
    """Return the pid that a command printed; the check fails if there is none."""
    said = ended.stdout.strip()
    assert said.isdigit() and int(said), f"{name} has no process"  # noqa: S101 - it fails the check
    return int(said)
