"""The note that a host keeps of its last upgrade of Hermes, and how far that has come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import UPGRADE, UPGRADE_NOTE, stamp
from hermes_ops.look.facts import Facts

SWITCHING, SWITCHED, DONE = "switching", "switched", "done"
"""The copies are made; the new version runs and is judged; it has passed."""
REVERTING, REVERTED = "reverting", "reverted"


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
    told = _told(facts)
    services = told.get("services", [])
    if not isinstance(services, list):
        return NO_NOTE
    phase, run, before, after = (str(told.get(k, "")) for k in ("phase", "run", "from", "to"))
    return Note(phase, run, before, after, frozenset(map(str, services)))


def with_note(facts: Facts, note: Note, phase: str) -> Facts:
    """Return the facts of a host that has noted this upgrade, and its end, since they were read."""
    told = {"run": note.run, "from": note.before, "to": note.after, "phase": phase}
    text = json.dumps({**told, "services": sorted(note.services)})
    return replace(facts, contents={**facts.contents, str(UPGRADE_NOTE): text})


def with_version(facts: Facts, version: str) -> Facts:
    """Return the facts of a host whose `current` leads to another version since they were read."""
    if facts.hermes is None:
        return facts
    try:
        stamped = json.loads(facts.contents[str(stamp("hermes"))])
    except (ValueError, KeyError):
        stamped = {}
    text = json.dumps({**stamped, "version": version})
    hermes = replace(facts.hermes, version=version)
    return replace(facts, hermes=hermes, contents={**facts.contents, str(stamp("hermes")): text})


def _told(facts: Facts) -> Mapping[str, Any]:
    try:
        told = json.loads(facts.contents.get(str(UPGRADE_NOTE), "{}"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def used(facts: Facts) -> str:
    """Return the version that `current` leads to, by its stamp."""
    try:
        return str(json.loads(facts.contents[str(stamp("hermes"))])["version"])
    except (ValueError, TypeError, KeyError):
        return facts.hermes.version if facts.hermes else ""


def no_way_back(facts: Facts) -> Conflict:
    """Return why an upgrade cannot be taken back, on a host whose note leads to none."""
    if facts.contents.get(str(UPGRADE_NOTE)) and not note_of(facts).phase:
        words = f"what it noted of its last upgrade cannot be read: ~/{UPGRADE_NOTE}"
        return Conflict(words, hint=f"on the host: the copies of databases are in ~/{UPGRADE}")
    return Conflict("there was no upgrade that could be taken back", hint="./inv fleet.ps --wide")
