"""How a profile names a secret: where it is, that the host makes it, or written out."""

from __future__ import annotations

from dataclasses import dataclass, field

from hermes_ops.errors import Place
from hermes_ops.secrets.secret import Secret

Origin = tuple[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Reference:
    """A secret that is somewhere else: `kind` is a key of `SOURCES`, `argument` says where."""

    kind: str
    argument: str | tuple[str, ...]
    place: Place

    @property
    def origin(self) -> Origin:
        """Return what two references share that lead to the same secret."""
        return self.kind, self.argument


@dataclass(frozen=True, slots=True)
class Generate:
    """A secret of `bytes` random bytes that the host makes itself when the key is absent."""

    bytes: int = 32
    place: Place | None = field(default=None, compare=False)
    renew: bool = False
    """Whether the host makes a new one in place of the one that is there."""


class Written(Secret):
    """A secret that stands in the inventory itself: `plain`, or encrypted in a `vault`."""

    __slots__ = ("kind", "place")

    def __init__(self, value: str, place: Place, kind: str = "plain") -> None:
        super().__init__(value)
        self.place, self.kind = place, kind


EnvValue = Secret | Reference | Generate
