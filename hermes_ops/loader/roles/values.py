"""Checked values of `role.yml` as Python values."""

from __future__ import annotations

from collections.abc import Mapping

from hermes_ops.inventory.role import RoleText
from hermes_ops.loader.located import Located

Said = Mapping[str, Located]
"""The entries of a mapping that have a value."""


def role_text(entry: Located) -> RoleText:
    """Return a text with its place."""
    return RoleText(str(entry.data), entry.place)


def items_of(found: Said, key: str) -> tuple[Located, ...]:
    """Return the items of a list; none if it is not set."""
    return found[key].items if key in found else ()


def texts_of(found: Said, key: str) -> tuple[RoleText, ...]:
    """Return the texts of a list; none if it is not set."""
    return tuple(map(role_text, items_of(found, key)))


def words_of(found: Said, key: str) -> tuple[str, ...]:
    """Return the words of a list that has no expressions."""
    return tuple(str(item.data) for item in items_of(found, key))


def word_of(found: Said, key: str, default: str = "") -> str:
    """Return a word that has no expressions."""
    return str(found[key].data) if key in found else default


def mode_of(found: Said, default: int) -> int:
    """Return the mode of a file or a folder."""
    return int(found["mode"].data.replace("o", ""), 8) if "mode" in found else default


def flag(found: Said, key: str, default: bool = False) -> bool:
    """Return a boolean."""
    return bool(found[key].data) if key in found else default
