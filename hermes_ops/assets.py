"""Files other than Python: templates, roles, runbooks, the wheel of pip, tables of our packages."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

CLONE = Path(__file__).resolve().parents[1]
"""The top of the clone, if the package is in one."""

_CARRIED = Path(__file__).resolve().parent / "share"
"""A wheel carries the same folders here."""

INSTALLED = _CARRIED.is_dir()
"""Whether this was installed from a wheel, and is no clone."""

SHARE = _CARRIED if INSTALLED else CLONE
TEMPLATES = SHARE / "templates"
ROLES = SHARE / "roles"
RUNBOOKS = SHARE / "runbooks"


def data(package: str, name: str) -> Any:
    """Return the content of a YAML file of a package."""
    import yaml

    text = files(package).joinpath(name).read_text("utf-8")
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe ones


def pip_wheel() -> Path | None:
    """Return the wheel of pip for hosts, None if it is missing."""
    return next(iter(sorted((SHARE / "vendor").glob("pip-*.whl"))), None)
