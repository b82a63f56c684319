"""The register of findings about hosts: what stands there that no run mends by itself.

Any module adds a kind: a function that yields what it found, decorated with `finds`. `plan`, `ps`
and `status` ask all of them with the facts of their one look. See `standing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hermes_ops.audit.finding import Finding, register
from hermes_ops.inventory.model import Host
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Facts


@dataclass(frozen=True, slots=True)
class Seen:
    """A host and what a look read there; `roles` are those of the inventory."""

    host: Host
    facts: Facts
    roles: Mapping[str, Role]


Source = Callable[[Seen], Iterable[Finding]]
_SOURCES: dict[str, Source] = {}


def finds(
    kind: str, *, says: str, ignored: str, mend: str, severity: str = "warning"
) -> Callable[[Source], Source]:
    """Register a kind of finding with its texts, and the function that finds it.

    The texts may use {who}, {name} and {what}, as in `findings.yml`.
    """

    def decorate(source: Source) -> Source:
        register(kind, {"severity": severity, "says": says, "ignored": ignored, "mend": mend})
        _SOURCES[kind] = source
        return source

    return decorate


def all_of(seen: Seen) -> list[Finding]:
    """Return what every registered source finds, in the order of the kinds' names."""
    return [finding for kind in sorted(_SOURCES) for finding in _SOURCES[kind](seen)]
