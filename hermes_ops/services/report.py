"""What a service manager reported about one service."""

from __future__ import annotations

from dataclasses import dataclass

from hermes_ops.errors import Conflict

PATIENCE = 90
"""Seconds that a manager gives a process to end if it does not say for how long: systemd's own."""


@dataclass(frozen=True, slots=True)
class ManagerReport:
    """What a manager reported about one service; None means not reported."""

    installed: bool = False
    enabled: bool | None = None
    activity: str = "inactive"
    """active, activating, deactivating, failed or inactive, in systemd's sense of these words."""
    pid: int | None = None
    exit_status: int | None = None
    ended_by: str = ""  # a word of `systemd.exec(5)`, such as exit-code or signal, or a sentence
    restarts: int | None = None
    recent: int | None = None  # how many of these were in the last hour
    masked: bool = False  # somebody has forbidden every start of it, as `systemctl mask` does
    ended_itself: bool = False
    """It ended by itself, its exit code is not reported, and it is not started again."""
    command: str = ""  # the command line that it would run, merged from all files
    home: str = ""  # the HERMES_HOME that it would give to the process
    foreign: tuple[str, ...] = ()  # absolute paths of files of others that define a part of it
    unread: bool = False  # a file of its definition changed since the manager read it
    changed: float | None = None  # when its activity changed last, in seconds since the boot
    patience: int = PATIENCE  # seconds that it gives a process to end before it kills it
    barred: bool | None = None  # it was told never to start it by itself, where no file says so
    dropped: bool = False  # it failed only in that its manager does not have it any more
    threats: tuple[Conflict, ...] = ()
    """Other units that end it, or without which no boot starts it, each with what mends that."""
    twice: str = ""  # that it runs the service more than once, in words
