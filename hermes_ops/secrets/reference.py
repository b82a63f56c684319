"""How a profile gives a secret: by its source, generated on the host, or in the file itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from hermes_ops.errors import Place
from hermes_ops.secrets.secret import Secret

Origin = tuple[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Reference:
    """A secret kept elsewhere: `kind` is a key of `SOURCES`, `argument` says where."""

    kind: str
    argument: str | tuple[str, ...]
    place: Place

    @property
    def origin(self) -> Origin:
        """Return a key that is equal for two references to the same secret."""
        return self.kind, self.argument


GENERATE = "generate"
"""The key of a secret that the host makes: not a source, as nobody asks for it."""


@dataclass(frozen=True, slots=True)
class Generate:
    """A secret of `bytes` random bytes that the host generates if the key is missing."""

    bytes: int = 32
    place: Place | None = field(default=None, compare=False)
    renew: bool = False
    """Whether the host replaces an existing value by a new one."""


class Written(Secret):
    """A secret in the inventory itself: `plain`, or encrypted in a `vault`."""

    __slots__ = ("kind", "place")

    def __init__(self, value: str, place: Place, kind: str = "plain") -> None:
        super().__init__(value)
        self.place, self.kind = place, kind


Elsewhere = Written | Reference
"""A secret that no host makes."""

EnvValue = Secret | Reference | Generate
