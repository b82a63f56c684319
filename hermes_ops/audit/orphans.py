"""Orphans: gateways that we once configured, and that are no longer in the inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hermes_ops.hermes.evidence import Evidence, evidence_of
from hermes_ops.hermes.orphans import ports_of
from hermes_ops.inventory.model import Profile
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Facts
from hermes_ops.services import MANAGERS
from hermes_ops.services.describe import describe


@dataclass(frozen=True, slots=True)
class Orphan:
    """One of them: whether it runs, who would start it, and where it listens."""

    profile: str
    evidence: Evidence
    managers: tuple[str, ...]
    """The service managers that have a definition of it."""
    ports: tuple[int, ...]

    def what(self, wanted: Mapping[int, str]) -> str:
        """Return in a few words what it does; `wanted` has the profile that wants each port."""
        if self.evidence.alive:
            doing = "still runs"
        elif self.evidence.enabled:
            doing = "starts again at the next boot"
        else:
            doing = "is still installed"
        numbers = ", ".join(
            f"{port}, which {wanted[port]} wants" if port in wanted else str(port)
            for port in self.ports
        )
        return f"{doing} (port {numbers})" if numbers else doing


def orphans_of(facts: Facts, role: Role) -> Iterator[Orphan]:
    """Yield the orphans on a host: with our memory beside them, and a definition or a process.

    `role` is that of gateways. A profile whose service was removed is only data, and no orphan.
    """
    for name in facts.orphans:
        service = describe(Profile(name), role)
        managers = tuple(
            key for key, manager in MANAGERS.items()
            if manager.id(service) in facts.defined.get(key, ())
        )  # fmt: skip
        evidence = [evidence_of(service, facts, key) for key in managers or MANAGERS]
        best = max(evidence, key=lambda one: (one.supervised, one.alive, bool(one.enabled)))
        if managers or best.alive:
            yield Orphan(name, best, managers, tuple(ports_of(facts, str(service.home))))
