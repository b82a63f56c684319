"""What keeps a machine awake: the interface, and the values that it returns.

A keeper has a shell file, `services/awake/NAME.sh`. It defines `NAME_look`, which tells in records
`awake WORD …` what `Facts.awake` holds, and nothing on another system; and the functions of its
orders, which run in the user's home under the host's lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from hermes_ops.inventory.awake import Awake
from hermes_ops.look.facts import Facts

MARK = "Written by hermes-ops"
"""Stands in each file of ours: one without it is somebody's own."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody who keeps the machine awake: a program, what it keeps from happening, and why."""

    who: str
    what: str
    why: str = ""
    mode: str = "block"
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class AwakeOrder:
    """One difference, and the shell words that end it: the user's, root's, or both."""

    words: tuple[str, ...]
    resource: str = "awake"
    action: str = "update"
    reason: str = ""
    seen: tuple[tuple[PurePosixPath, str], ...] = ()
    root: tuple[str, ...] = ()
    """What only root does; the user's words, if any, ask for it by `by_root "$root_part"`."""
    lingers: bool = False
    """Whether it enables linger, if that is off."""


@dataclass(frozen=True, slots=True)
class Asks:
    """Commands for a check, each a line of shell."""

    holds: str  # prints the list that `Keeper.holds` reads
    pid: str  # prints the process that holds
    stays: str  # succeeds if it begins again by itself after a reboot


class Keeper(Protocol):
    """What systemd's logind and a Mac's caffeinate must offer to keep a machine awake."""

    name: str
    system: str  # that has it, as `uname -s` prints it

    def is_on(self, facts: Facts) -> bool:
        """Return whether what we installed runs."""

    def where(self, facts: Facts) -> str:
        """Return in a word where it is installed; empty if it is not."""

    def holds(self, listed: str) -> tuple[Hold, ...] | None:
        """Return who keeps the machine awake, None if the list could not be understood."""

    def asks(self, uid: int) -> Asks:
        """Return what a check asks about our own hold."""

    def kept(self, awake: Awake) -> tuple[str, ...]:
        """Return what these flags keep from happening, in the system's own words."""

    def sleeps_by_lid(self, facts: Facts) -> bool:
        """Return whether it is a laptop that sleeps once its lid is closed."""
        return "lid" in facts.awake

    def notes(self, awake: Awake, facts: Facts) -> Iterable[str]:
        """Yield a note for each flag without effect here, and each cause of sleep that stays."""

    def orders(
        self, awake: Awake, facts: Facts, *, begins: bool, lingers: bool
    ) -> Iterable[AwakeOrder]:
        """Yield the orders that bring it to the wanted state.

        `begins`: a time that is over begins again. `lingers`: linger may be enabled.

        Raises:
            Conflict: it is not possible on this host.
        """


def digest(text: str | None) -> str:
    """Return the state of a file with this text, as a change expects it; None is absent."""
    if text is None:
        return "-"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def pairs(text: str | None) -> Mapping[str, str]:
    """Return `name=value` lines as a mapping."""
    return dict(line.partition("=")[::2] for line in (text or "").splitlines() if "=" in line)


def following(file: str, is_gateway: str, hold: str) -> str:
    """Return a shell script that runs `hold` while the gateway of a pid file runs, again and again.

    Both are shell texts that use `$pid`; `is_gateway` fails if that is another process.
    """
    pid = f"""pid=$(sed -n 's/.*"pid": *\\([0-9][0-9]*\\).*/\\1/p' {file} 2>/dev/null)"""
    return f'while :; do {pid}; [ -z "$pid" ] || ! {is_gateway} || {hold}; sleep 5; done'
