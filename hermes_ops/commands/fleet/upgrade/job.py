"""What is asked of an upgrade, of the program and of a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hermes_ops.audit import question
from hermes_ops.errors import CommandError
from hermes_ops.files.layout import KEPT, UPGRADE, UPGRADE_NOTE, environment, program
from hermes_ops.inventory.model import Inventory
from hermes_ops.look.facts import Facts
from hermes_ops.look.upgrades import Note
from hermes_ops.plan import DesiredState
from hermes_ops.transport import Transport

NAME = "hermes"
UP, BACK = "fleet.upgrade", "fleet.rollback"
ROOT = ".hermes"
"""Its databases are shared by all profiles."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run of `fleet.upgrade`, or of `fleet.rollback` if `to` is empty."""

    run: str
    inventory: Inventory
    to: str = ""
    reverts: bool = True
    """Whether a host that does not pass its gate is taken back."""
    soaking: frozenset[str] = frozenset()
    """The hosts that are judged again later: their upgrade does not end at once."""
    passed: set[str] = field(default_factory=set)
    """Those of them that have passed once."""


def running(desired: DesiredState) -> frozenset[str]:
    """Return the profiles whose services run Hermes, gateways or not: they stop for a version."""
    wanted = (w for w in desired.wanted if w.role.program and w.role.program.name == NAME)
    return frozenset(w.profile.name for w in wanted)


def request(verb: str, run: str, desired: DesiredState, **more: Any) -> dict[str, Any]:
    """Return what the program on the host is asked."""
    homes = {p: str(s.home) for p, s in desired.services.items() if s.text == NAME}
    return {
        "verb": verb,
        "run": run,
        "homes": homes,
        "root": ROOT,
        "note": str(UPGRADE_NOTE),
        "snapshots": str(UPGRADE / "snapshots"),
        "evidence": str(UPGRADE / "evidence"),
        "aside": str(KEPT / "upgrade"),
        "link": str(program(NAME)),
        **more,
    }


def python_of(version: str, facts: Facts) -> str:
    """Return the Python of a version, by a path that does not lead through `current`."""
    return f"{facts.home}/{environment(NAME, version)}/bin/python"


def ask(
    verb: str, note: Note, desired: DesiredState, transport: Transport, facts: Facts | None,
    **more: Any,
) -> Mapping[str, Any]:  # fmt: skip
    """Let the program on the host do something of an upgrade, and return its answer.

    Raises:
        CommandError: it could not; with its own words.
        Unknown: it did not answer.
    """
    asked = request(verb, note.run, desired, **more)
    python = python_of(note.after, facts) if facts else ""
    script = question.probe_with(question.program_of(__package__ or ""), asked, python)
    timeout = desired.host.connection.exchange_timeout + 60 * len(asked["homes"])
    told = question.parse(transport.exchange(script, timeout=timeout))
    if "error" in told:
        raise CommandError(str(told["error"]))
    return told
