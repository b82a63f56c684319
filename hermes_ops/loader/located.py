"""Values that remember where they were written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from hermes_ops.errors import InventoryError, Place


class Located(NamedTuple):
    """A value of a file and its place; a mapping's entries have the place of their keys.

    `data` is a scalar, a tuple of `Located`, or a mapping of names to `Located`.
    `text` is a scalar as it was written: `0x10` and `yes` stay what a person typed.
    A scalar that came out of a vault, or was made of one that did, is `secret`.
    """

    data: Any
    place: Place
    text: str = ""
    secret: bool = False

    @property
    def entries(self) -> Mapping[Any, Located]:
        """Return the entries of a mapping; what is no mapping has none."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def items(self) -> tuple[Located, ...]:
        """Return the items of a list; what is no list has none."""
        return self.data if isinstance(self.data, tuple) else ()

    def error(self, message: str, hint: str = "") -> InventoryError:
        """Return the error that says `message` of this place."""
        return InventoryError(message, hint=hint, where=self.place)


Variables = Mapping[str, Located]
NONE: Variables = MappingProxyType({})


def plain(value: Located) -> Any:
    """Return the value as ordinary dicts, lists and scalars."""
    if isinstance(value.data, dict):
        return {key: plain(entry) for key, entry in value.data.items()}
    if isinstance(value.data, tuple):
        return [plain(item) for item in value.data]
    return value.data


def has_expression(value: Located) -> bool:
    """Say whether a value is, or holds, a text with a Jinja expression."""
    if isinstance(value.data, str):
        return bool(_EXPRESSION.search(value.data))
    return any(map(has_expression, value.items or value.entries.values()))


def kind(value: Located) -> str:
    """Name in plain words what sort of value stands here."""
    if isinstance(value.data, bool):
        return f"the boolean {value.text or value.data}"
    if isinstance(value.data, int | float):
        return f"the number {value.text or value.data}"
    return _KINDS.get(type(value.data), f"a {type(value.data).__name__}")


_KINDS = {type(None): "nothing", str: "a text", tuple: "a list", dict: "a mapping"}
_EXPRESSION = re.compile(r"\{[{%#]")
