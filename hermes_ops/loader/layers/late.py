"""Variables whose values are computed on first use.

An inventory has far more variables of a host than any one task reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hermes_ops.loader.located import Located, Variables


class Late(Mapping[str, Any]):
    """The result of `make` for each variable, computed once."""

    __slots__ = ("_found", "_made", "_make")

    def __init__(self, found: Variables, make: Callable[[str, Located], Any]) -> None:
        self._found = found
        self._make = make
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._make(name, self._found[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Over(Mapping[str, Any]):
    """A few names that take precedence over those of another mapping."""

    __slots__ = ("_names", "_rest")

    def __init__(self, names: Mapping[str, Any], rest: Mapping[str, Any]) -> None:
        self._names = names
        self._rest = rest

    def __getitem__(self, name: str) -> Any:
        return self._names[name] if name in self._names else self._rest[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._rest), **self._names})

    def __len__(self) -> int:
        return len(self._names.keys() | self._rest.keys())
