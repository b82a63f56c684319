"""Marks that are left on a host: a request to drain, a stop that is planned, a stop by hand, and
that Hermes gave up on launchd.

Hermes honours a request to drain for ever: without an end of its own, or after that end, it counts
as left behind by something that died.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files.layout import STOPPED
from hermes_ops.hermes.gateway import HEARTBEAT
from hermes_ops.look.facts import Facts
from hermes_ops.look.links import kind_at_end

DRAIN = ".drain_request.json"
PLANNED_STOP = ".gateway-planned-stop.json"
FALLBACK = ".gateway-launchd-unsupported"
"""Written when Hermes' own commands start a gateway beside launchd."""
MARKERS = (DRAIN, PLANNED_STOP, FALLBACK)
_WORDS = {
    DRAIN: "drain request",
    PLANNED_STOP: "planned stop",
    FALLBACK: "mark that launchd cannot be used",
}
_LIMITS = {DRAIN: 3600, PLANNED_STOP: 60}
"""Seconds for which a mark without an end of its own counts."""
_SLACK = 2
"""Seconds by which a gateway may write its last heartbeat after the stop that was noted."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A mark in a home: whose it is, and why it does not count any more, if so."""

    path: PurePosixPath
    what: str
    owner: str
    over: str
    begun: float | None = None
    """When it was left, in seconds since 1970."""
    passing: bool = False
    """It belongs to a restart: where none is under way, one was cut off, and left it."""

    @property
    def told(self) -> str:
        """Return it as a phrase."""
        return f"{self.over} {self.what} of {self.owner}".strip()


def markers(home: PurePosixPath, facts: Facts) -> Iterable[Marker]:
    """Yield the marks that lie in this home."""
    for name in MARKERS:
        path = f"{home}/{name}"
        state = facts.paths.get(path)
        # Hermes follows a link, and takes one that leads nowhere for no mark.
        if state is not None and kind_at_end(state) == "file":
            said = _said(facts.contents.get(path, ""))
            over, passing = _over(name, path, said, facts), said.get("until") == "restart"
            owner = "Hermes" if name == FALLBACK else _owner(said)
            known = (PurePosixPath(path), _WORDS[name], owner, over, _begun(said), passing)
            yield Marker(*known)


def lasting_drain(home: PurePosixPath, facts: Facts) -> Marker | None:
    """Return the request to drain that somebody left in this home, while it counts."""
    found = (mark for mark in markers(home, facts) if mark.path.name == DRAIN)
    return next((mark for mark in found if not (mark.over or mark.passing)), None)


def _said(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _owner(said: Mapping[str, Any]) -> str:
    owner = said.get("owner")
    if isinstance(owner, dict) and owner.get("operator"):
        return f"{owner['operator']}, run {owner.get('run', '?')}"
    return str(said.get("principal") or "somebody")


def _over(name: str, path: str, said: Mapping[str, Any], facts: Facts) -> str:
    """Return why a mark does not count any more, empty if it does."""
    if name == FALLBACK:
        return "untrue"
    boot = str(said.get("boot") or said.get("epoch") or "").partition(":")[0]
    if boot and facts.boot and boot != facts.boot:
        return "outlived"
    end, begun = epoch_of(said.get("expires_at")), _begun(said)
    if begun is not None and begun > facts.now + _LIMITS[name]:
        return "untimely"  # nobody leaves a mark in a time to come; it would count until then
    if end is None:
        end = begun + _LIMITS[name] if begun is not None else None
    if end is None:
        return "old" if path in facts.aged else ""
    return "expired" if end < facts.now else ""


def _begun(said: Mapping[str, Any]) -> float | None:
    return epoch_of(said.get("requested_at") or said.get("written_at"))


def epoch_of(value: Any) -> float | None:
    """Return a time in seconds since 1970; None for what is no time."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        found = datetime.fromisoformat(str(value))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class HandStop:
    """Who has stopped a service with the host's wrapper, and since when it is so."""

    who: str
    since: str
    held: bool = False
    """Only the inventory's `state`, or a start by hand, ends it."""

    def __str__(self) -> str:
        word = "held" if self.held else "stopped"
        return f"{word} on the host by {self.who}, since {self.since}"


def hand_stop(service: str, home: PurePosixPath, facts: Facts) -> HandStop | None:
    """Return the stop by hand that counts for a service without a process; None if none does.

    One that is not held ends with its boot, and with the next start: what a gateway wrote after it
    shows that there was one.
    """
    text = facts.contents.get(f"{STOPPED}/{service}")
    said = _said(text or "")
    at = epoch_of(str(said.get("since")))
    if text is None or at is None:
        return None
    held, boot = said.get("hold") is True, said.get("boot")
    over = (boot and facts.boot and boot != facts.boot) or _lived_after(at, home, facts)
    if over and not held:
        return None
    who = "".join(re.findall(r"[\w.@+-]", str(said.get("by"))))[:64] or "somebody"
    return HandStop(who, f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}", held)


def _lived_after(at: float, home: PurePosixPath, facts: Facts) -> bool:
    beat = _said(facts.contents.get(f"{home}/{HEARTBEAT}", ""))
    return (epoch_of(beat.get("updated_at")) or 0) > at + _SLACK
