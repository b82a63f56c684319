"""Values that remember where they were written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from hermes_ops.errors import InventoryError, Place


class Located(NamedTuple):
    """A value of a file and its place; the place of a mapping's entry is that of its key.

    `data` is a scalar, a tuple of `Located`, or a mapping of names to `Located`.
    `text` is a scalar as it was written: `0x10` and `yes` stay as typed. Of a list it is empty,
    unless the list was written as words: `a,b`.
    A scalar from a vault, or rendered from such a scalar, is `secret`.
    """

    data: Any
    place: Place
    text: str = ""
    secret: bool = False

    @property
    def entries(self) -> Mapping[Any, Located]:
        """Return the entries of a mapping; any other value has none."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def items(self) -> tuple[Located, ...]:
        """Return the items of a list; any other value has none."""
        return self.data if isinstance(self.data, tuple) else ()

    def error(self, message: str, hint: str = "") -> InventoryError:
        """Return the error with `message` and this place."""
        return InventoryError(message, hint=hint, where=self.place)


class Literal(str):
    """A text that is never an expression: from `!unsafe` or from a vault."""

    __slots__ = ()


class Sealed:
    """An encrypted value for which no password was given."""

    def __repr__(self) -> str:
        return "***"


SEALED = Sealed()

Variables = Mapping[str, Located]
NONE: Variables = MappingProxyType({})


def plain(value: Located) -> Any:
    """Return the value as ordinary dicts, lists and scalars."""
    if isinstance(value.data, dict):
        return {key: plain(entry) for key, entry in value.data.items()}
    if isinstance(value.data, tuple):
        return [plain(item) for item in value.data]
    return str(value.data) if isinstance(value.data, Literal) else value.data


def has_expression(value: Located) -> bool:
    """Return whether a value is, or holds, a text with a Jinja expression."""
    if isinstance(value.data, str):
        return not isinstance(value.data, Literal) and bool(_EXPRESSION.search(value.data))
    return any(map(has_expression, value.items or value.entries.values()))


def inert(value: Any) -> Any:
    """Return plain values in which every text that looks like an expression is none."""
    if isinstance(value, Mapping):
        return {key: inert(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [inert(item) for item in value]
    return Literal(value) if isinstance(value, str) and _EXPRESSION.search(value) else value


def is_secret(value: Located) -> bool:
    """Return whether a value is, or holds, a value from a vault."""
    return value.secret or any(map(is_secret, value.items or value.entries.values()))


def refuse_sealed(value: Located) -> None:
    """Raise if a value is needed that is still encrypted."""
    if (sealed := sealed_in(value)) is not None:
        raise sealed_error(sealed)


def sealed_error(value: Located) -> InventoryError:
    """Return the error for a value that is needed, but still encrypted."""
    return value.error("is encrypted, and no password was given", VAULT_HINT)


def sealed_in(value: Located) -> Located | None:
    """Return the first value that is still encrypted, None if there is none."""
    if value.data is SEALED:
        return value
    inner = value.items or value.entries.values()
    return next((found for one in inner if (found := sealed_in(one)) is not None), None)


def covered(value: Located) -> Located:
    """Return a value in which a word stands for each part that is still encrypted."""
    if value.data is SEALED:
        return value._replace(data=Literal(COVER), text=COVER)
    if value.items:
        return value._replace(data=tuple(map(covered, value.items)))
    if value.entries:
        return value._replace(data={key: covered(entry) for key, entry in value.entries.items()})
    return value


COVER = "(encrypted)"


def kind(value: Located) -> str:
    """Return the kind of a value in plain words."""
    if value.secret and not value.items and not value.entries:
        return "a value from a vault"
    if isinstance(value.data, bool):
        return f"the boolean {value.text or value.data}"
    if isinstance(value.data, int | float):
        return f"the number {value.text or value.data}"
    if isinstance(value.data, str | tuple) and not value.data:
        return f"an empty {'text' if isinstance(value.data, str) else 'list'}"
    return _KINDS.get(type(value.data), f"a {type(value.data).__name__}")


VAULT_HINT = "name its file with --vault-password-file or $ANSIBLE_VAULT_PASSWORD_FILE"
_KINDS: Mapping[type, str] = {
    type(None): "nothing",
    str: "a text",
    Literal: "a text",
    Sealed: "an encrypted value",
    tuple: "a list",
    dict: "a mapping",
}
_EXPRESSION = re.compile(r"\{[{%#]")
