"""What is asked of an upgrade, and the note that each host keeps of its last one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hermes_ops.audit import question
from hermes_ops.errors import CommandError
from hermes_ops.files.layout import KEPT, UPGRADE, UPGRADE_NOTE, environment, program, stamp
from hermes_ops.inventory.model import Inventory
from hermes_ops.look.facts import Facts
from hermes_ops.plan import DesiredState
from hermes_ops.transport import Transport

NAME = "hermes"
UP, BACK = "fleet.upgrade", "fleet.rollback"
ROOT = ".hermes"
"""Its databases are shared by all profiles."""
SWITCHING, SWITCHED, DONE = "switching", "switched", "done"
"""The copies are made; the new version runs and is judged; it has passed."""
REVERTING, REVERTED = "reverting", "reverted"


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


@dataclass(frozen=True, slots=True)
class Note:
    """What a host has written down of its last upgrade."""

    phase: str = ""
    run: str = ""
    before: str = ""
    after: str = ""
    services: frozenset[str] = frozenset()
    """The profiles whose gateways were stopped for it."""

    @property
    def is_open(self) -> bool:
        """Whether it was neither ended nor taken back."""
        return self.phase in (SWITCHING, SWITCHED, REVERTING)


NO_NOTE = Note()


def note_of(facts: Facts) -> Note:
    """Return the note of a host; an empty one if there is none, or it cannot be read."""
    try:
        told = json.loads(facts.contents.get(str(UPGRADE_NOTE), "{}"))
        phase, run, before, after = (str(told.get(k, "")) for k in ("phase", "run", "from", "to"))
        return Note(phase, run, before, after, frozenset(map(str, told.get("services", ()))))
    except (ValueError, TypeError, AttributeError):
        return NO_NOTE


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


def used(facts: Facts) -> str:
    """Return the version that `current` leads to, by the name of its folder."""
    try:
        return str(json.loads(facts.contents[str(stamp(NAME))])["version"])
    except (ValueError, TypeError, KeyError):
        return facts.hermes.version if facts.hermes else ""
