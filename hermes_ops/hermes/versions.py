"""What a version of Hermes can do, and the format of its files. Nothing else compares versions.

The table is `data/versions.yml`, each row with its source; `docs/versions.md` shows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hermes_ops import assets

OBSERVED = "0.19.0"
"""The version that the tests install, and on which our observations were made."""

PYTHONS = ("3.11", "3.12", "3.13")
"""What `look.sh` looks for on a host."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What is known of a version; None or empty means none, or unknown."""

    source: str
    """The source: `observed on`, `read in`, `reported:`."""
    config_schema: int | None = None
    """The `_config_version` of the `config.yaml` that it writes."""
    pythons: tuple[str, ...] = ()
    """The entries of `PYTHONS` that it runs on."""
    unit_text_known: bool = False
    """Our template gives its systemd unit; otherwise Hermes writes the unit itself."""
    plist_text_known: bool = False
    """The same of its property list for launchd."""
    unit_more: tuple[str, ...] = ()
    """Lines of its unit, or their ends, that our text does not have."""
    unit_less: tuple[str, ...] = ()
    """Lines of our text that its unit does not have."""
    plist_more: tuple[str, ...] = ()
    plist_less: tuple[str, ...] = ()
    unit_runs_python: bool | None = None
    """`ExecStart` of its unit begins with the Python of its environment."""
    quiet_install: bool | None = None
    """`gateway install --no-start-now` writes the unit and does no more."""
    describes: bool | None = None
    """`profile create` takes a description."""
    drain_marker: bool | None = None
    """It takes no new turn while `.drain_request.json` exists."""
    drain_marker_limit: int | None = None
    """A marker older than this many seconds is ignored; 0: never ignored."""
    planned_stop_marker: bool | None = None
    """A stop announced by `.gateway-planned-stop.json` does not count as a crash."""
    reopens_logs: bool | None = None
    """A log that somebody renamed or deleted is opened anew with its next line."""
    topologies: tuple[str, ...] = ()
    """`units` (one process a profile) and `multiplex` (one a user); the default first."""
    folders: tuple[str, ...] = ()
    """What it makes in a home whenever it starts there."""
    evidence: frozenset[str] = frozenset()
    """What it writes or answers: `state`, `heartbeat`, `pid`, `lock`, `socket`."""
    pid_file_fields: tuple[str, ...] = ()
    planned_restart_exit: int | None = None
    fatal_exit: int | None = None
    """Its exit code for a fatal configuration; None: it ends with 1, as after any failure."""
    standalone_setting: str | None = None
    """The key of `config.yaml` without which a named profile does not run beside the default one,
    unless its unit or plist is where Hermes itself would write it."""
    watchdog_setting: str | None = None
    """The key of `config.yaml` that makes its unit `Type=notify` with a watchdog."""
    not_done: tuple[str, ...] = ()
    """What hermes-ops does not do there."""

    def runs_on(self, python: str) -> bool:
        """Return whether it is known to run on this Python."""
        return not self.pythons or python in self.pythons

    def lacks(self, evidence: str) -> bool:
        """Return whether it is known not to write, or answer, this."""
        return bool(self.evidence) and evidence not in self.evidence

    @property
    def standing(self) -> str:
        """How well it is known: `proven` by the tests, `reported` by others, or `unknown`."""
        begin = self.source.partition(" ")[0]
        return {"observed": "proven", "read": "proven", "reported:": "reported"}.get(
            begin, "unknown"
        )


UNKNOWN = Capabilities("nobody has looked")


def capabilities(version: str) -> Capabilities:
    """Return what is known of a version of Hermes; nothing if it was never examined."""
    release = _release(version)
    return next((row for start, row in reversed(_table()) if start <= release), UNKNOWN)


def standalone_setting(version: str) -> tuple[str, ...]:
    """Return the way to the key without which a version runs no profile outside its own unit.

    One that nobody has examined gets the key of the last one that was: an idle key does no harm.
    """
    known = capabilities(version)
    if is_newer(version):
        known = next(row for _, row in reversed(_table()) if row.standing != "unknown")
    return tuple(filter(None, (known.standalone_setting or "").split(".")))


def standalone_settings() -> frozenset[tuple[str, ...]]:
    """Return the ways to these keys of all versions."""
    return frozenset(filter(None, (standalone_setting(".".join(map(str, s))) for s, _ in _table())))


def folders() -> tuple[str, ...]:
    """Return the folders that any known version makes in a home."""
    return tuple(dict.fromkeys(name for _, row in _table() for name in row.folders))


def is_newer(version: str) -> bool:
    """Return whether a version is newer than all that the table tells anything of."""
    return _release(version) >= _table()[-1][0]


def is_same(one: str, other: str) -> bool:
    """Return whether two version numbers are the same: `0.19` is `0.19.0`."""
    return _parts(one) == _parts(other)


def is_version(text: str) -> bool:
    """Whether this is written like a version."""
    return bool(re.fullmatch(r"[0-9][0-9A-Za-z.+!-]{0,63}", text))


def is_older(one: str, other: str) -> bool:
    """Return whether one release was before another."""
    return _release(one) < _release(other)


Release = tuple[int, ...]


@cache
def _table() -> tuple[tuple[Release, Capabilities], ...]:
    table: Mapping[str, Any] = assets.data("hermes_ops.hermes", "data/versions.yml")
    return tuple((_release(start), _row(facts)) for start, facts in table.items())


def _row(facts: Mapping[str, Any]) -> Capabilities:
    given: dict[str, Any] = {
        name: tuple(fact) if isinstance(fact, list) else fact for name, fact in facts.items()
    }
    return Capabilities(**{**given, "evidence": frozenset(given.get("evidence", ()))})


def _release(version: str) -> Release:
    return _parts(version)[0]


def _parts(version: str) -> tuple[Release, str]:
    """Return the numbers of a release without trailing zeros, and the rest of the version."""
    numbers = re.match(r"(?:\d+(?:\.\d+)*)?", version)
    written = numbers[0] if numbers else ""
    release = list(map(int, written.split("."))) if written else []
    while release and not release[-1]:
        release.pop()
    return tuple(release), version[len(written) :]
