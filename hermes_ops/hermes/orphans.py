"""Orphans: gateways that we once configured, and that are no longer in the inventory."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hermes_ops.errors import HermesError
from hermes_ops.files import envfile, yamlfile
from hermes_ops.hermes import platforms
from hermes_ops.hermes.evidence import Evidence, evidence_of
from hermes_ops.hermes.gateway import PID_FILE
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
            yield Orphan(name, best, managers, tuple(_ports(facts, str(service.home))))


def on_port(number: int | None, facts: Facts, *, pid: int | None = None) -> str | None:
    """Return the orphan whose settings let it listen on this port, if there is one.

    If the process that listens there is known, it must be the orphan's.
    """
    for name in facts.orphans:
        home = home_of_orphan(name)
        if number in _ports(facts, home) and pid in (None, _pid(facts, home)):
            return name
    return None


def _pid(facts: Facts, home: str) -> int | None:
    try:
        record = json.loads(facts.contents.get(f"{home}/{PID_FILE}", "null"))
    except ValueError:
        return None
    pid = record.get("pid") if isinstance(record, dict) else record
    return pid if isinstance(pid, int) else None


REMEDY = "remove its service with ./inv fleet.prune, or give the profile another port"
"""What to do about an orphan on the port of a profile."""


def home_of_orphan(name: str) -> str:
    """Return the home of a gateway, which Hermes itself decides."""
    return ".hermes" if name == "default" else f".hermes/profiles/{name}"


def _ports(facts: Facts, home: str) -> Sequence[int]:
    """Return the ports on which its settings let it listen; of settings in ruins, none."""
    texts = (facts.contents.get(posixpath.join(home, name), "") for name in ("config.yaml", ".env"))
    config, env = texts
    with suppress(HermesError):
        found = platforms.listeners(yamlfile.load(config), envfile.read(env))
        return sorted({port for _, _, port in found})
    return ()
