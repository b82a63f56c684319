"""A finding: the problem, the profiles concerned, the consequence and the remedy.

The texts of those about credentials are in `findings.yml`; `register` adds other kinds.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hermes_ops import assets
from hermes_ops.program_name import spoken


@dataclass(frozen=True, slots=True)
class Side:
    """One of the profiles or hosts that a finding is about."""

    host: str
    profile: str | None
    places: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """Return it as `host/profile`."""
        return f"{self.host}/{self.profile}" if self.profile else self.host


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem: what, where, the consequence and the remedy."""

    kind: str
    name: str
    sides: tuple[Side, ...]
    severity: str
    message: str
    ignored: str
    mend: str
    platform: str = ""
    fingerprint: str = ""
    allowed: str = ""
    """The reason why the inventory allows it; empty if it does not."""

    @property
    def is_error(self) -> bool:
        """Whether something will fail, or can be stolen, unless it is mended."""
        return self.severity == "error"

    def document(self) -> dict[str, Any]:
        """Return a finding for JSON documents; `host` and `profile` are those of its first side."""
        return {
            "host": self.sides[0].host,
            "profile": self.sides[0].profile,
            "finding": self.kind,
            "severity": self.severity,
            "name": self.name,
            "platform": self.platform or None,
            "fingerprint": self.fingerprint or None,
            "sides": [
                {"host": side.host, "profile": side.profile, "where": list(side.places)}
                for side in self.sides
            ],
            "message": self.message,
            "ignored": self.ignored,
            "mend": self.mend,
            "allowed": self.allowed or None,
        }


def make(
    kind: str,
    name: str,
    sides: Sequence[Side],
    what: str = "",
    *,
    case: str = "",
    severity: str = "",
    platform: str = "",
    fingerprint: str = "",
    path: str = "",
) -> Finding:
    """Return a finding with its texts; `case` chooses among the consequences of its kind."""
    words = _words(kind)
    *others, last = (side.target for side in sides)
    who = f"{', '.join(others)} and {last}" if others else last
    both = {1: "it", 2: "both"}.get(len(sides), "all of them")
    said = {"who": who, "both": both, "name": name, "what": what, "path": path}
    ignored = words["ignored"][case] if case else words["ignored"]
    return Finding(
        kind, name, tuple(sides), severity or words["severity"], words["says"].format(**said),
        ignored.format(**said), spoken(words["mend"].format(**said)), platform, fingerprint,
    )  # fmt: skip


def lines(finding: Finding) -> Iterator[str]:
    """Yield the lines of a finding: the problem, the places, the consequence and the remedy."""
    word = "allowed" if finding.allowed else finding.severity
    mark = f"   fingerprint {finding.fingerprint}" if finding.fingerprint else ""
    yield f"{word:8} {finding.kind}: {finding.message}{mark}"
    width = max(len(side.target) for side in finding.sides)
    for side in finding.sides:
        for place in side.places:
            yield f"         {side.target:{width}}  {place}"
    if finding.allowed:
        yield f"         allowed: {finding.allowed}"
        return
    yield f"         if left: {finding.ignored}"
    yield f"         mend:    {finding.mend}"


def united(found: Iterable[Finding]) -> list[Finding]:
    """Return findings from several views, each once, with every place."""
    known: dict[Hashable, Finding] = {}
    for finding in found:
        key = (finding.kind, finding.name, frozenset(side.target for side in finding.sides))
        known[key] = _both(known[key], finding) if key in known else finding
    return list(known.values())


def _both(first: Finding, second: Finding) -> Finding:
    places = {side.target: side.places for side in second.sides}
    sides = (
        replace(side, places=tuple(dict.fromkeys((*side.places, *places[side.target]))))
        for side in first.sides
    )
    return replace(first if first.is_error else second, sides=tuple(sides))


def kinds() -> tuple[str, ...]:
    """Return the kinds of findings about credentials, by name: a profile may allow them."""
    return tuple(_of_credentials())


_REGISTERED: dict[str, Mapping[str, Any]] = {}


def register(kind: str, words: Mapping[str, Any]) -> None:
    """Add a kind of finding, with the same texts as in `findings.yml`.

    Raises:
        ValueError: there is such a kind already, with other texts.
    """
    if kind in _of_credentials() or _REGISTERED.setdefault(kind, words) != words:
        raise ValueError(f"there are two kinds of findings named {kind!r}")


def _words(kind: str) -> Mapping[str, Any]:
    return _REGISTERED.get(kind) or _of_credentials()[kind]


@cache
def _of_credentials() -> Mapping[str, Mapping[str, Any]]:
    words: Mapping[str, Mapping[str, Any]] = assets.data("hermes_ops.audit", "findings.yml")
    return words
