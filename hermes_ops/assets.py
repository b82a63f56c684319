"""Paths of files other than Python: templates, roles, the wheel of pip."""

from __future__ import annotations

from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
"""The top of the clone, if the package is in one."""

_INSTALLED = Path(__file__).resolve().parent / "share"
"""In a wheel, the same folders are here."""

SHARE = _INSTALLED if _INSTALLED.is_dir() else CLONE
TEMPLATES = SHARE / "templates"
ROLES = SHARE / "roles"


def pip_wheel() -> Path | None:
    """Return the wheel of pip for hosts, None if it is missing."""
    return next(iter(sorted((SHARE / "vendor").glob("pip-*.whl"))), None)
