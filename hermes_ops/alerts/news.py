"""What one look shows that somebody was not told yet: pure, from two values.

A target is the name of a host, of a profile as `host/profile`, or of a finding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

FINDING = "a finding"
"""The state of a finding: it is there, or it is not."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How one target is now; every text may be shown to anybody."""

    state: str
    is_wrong: bool = False
    text: str = ""
    """The sentence about it, if it is wrong: who is how, and why."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A target that was wrong at a look: how, and since when (seconds of the epoch)."""

    state: str
    since: float


@dataclass(frozen=True, slots=True)
class News:
    """One sentence to tell, and whether it is a good one."""

    target: str
    text: str
    is_good: bool = False


Troubles = Mapping[str, Trouble]
Conditions = Mapping[str, Condition]


def standing(before: Troubles, seen: Conditions, hidden: Collection[str], now: float) -> Troubles:
    """Return what is wrong after a look, and since when: from the look at which it went wrong.

    `hidden` are the targets that could not be seen: what was known of them stays.
    """
    kept = {target: wrong for target, wrong in before.items() if target in hidden}
    found = {
        target: Trouble(condition.state, before[target].since if target in before else now)
        for target, condition in seen.items()
        if condition.is_wrong
    }
    return {**kept, **found}


def news(told: Troubles, seen: Conditions, hidden: Collection[str], now: float) -> tuple[News, ...]:
    """Return what differs from what was told last: each target once, whatever was in between."""
    fresh = (
        _fresh(target, condition, told.get(target))
        for target, condition in seen.items()
        if condition.is_wrong
    )
    settled = (
        _settled(target, seen.get(target), wrong, now)
        for target, wrong in told.items()
        if target not in hidden and not (target in seen and seen[target].is_wrong)
    )
    return (*(each for each in fresh if each), *settled)


def _fresh(target: str, condition: Condition, told: Trouble | None) -> News | None:
    if told is not None and told.state == condition.state:
        return None
    was = f" (it was {told.state})" if told is not None else ""
    return News(target, f"{condition.text}{was}")


def _settled(target: str, condition: Condition | None, wrong: Trouble, now: float) -> News:
    how = "is not looked at any more"
    if wrong.state == FINDING:
        how = "is settled"
    if condition is not None:
        how = f"is {condition.state} again"
    return News(target, f"{target} {how}, after {in_units(now - wrong.since)}", True)


def in_units(seconds: float) -> str:
    """Return a duration in words: `45 s`, `12 m`, `3 h 5 m`, `2 d 4 h`."""
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if minutes < 1:
        return f"{max(0, int(seconds))} s"
    if hours < 1:
        return f"{minutes} m"
    if hours < 24:
        return _two(hours, "h", minutes % 60, "m")
    return _two(hours // 24, "d", hours % 24, "h")


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first} {unit}" + (f" {second} {smaller}" if second else "")


# --- as one message ---------------------------------------------------------------------------

MOST_LINES = 20
"""More sentences than these are counted: services refuse long messages."""
LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: a title, lines, and whether all of it is good."""

    title: str
    body: str
    is_good: bool


def message(told: Iterable[News]) -> Message:
    """Return one message with these sentences."""
    told = list(told)
    bad, good = (sum(each.is_good is is_good for each in told) for is_good in (False, True))
    parts = [f"{bad} not as wanted"] * bool(bad) + [f"{good} well again"] * bool(good)
    lines = [_cut(each.text) for each in told[:MOST_LINES]]
    lines += [f"and {len(told) - MOST_LINES} more"] * (len(told) > MOST_LINES)
    return Message(f"hermes-ops: {', '.join(parts)}", "\n".join(lines), not bad)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
