"""What an operator wants to see of logs: the options of `fleet.logs`, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from hermes_ops.cli.options import whole
from hermes_ops.commands.logs.line import LEVELS, LogLine
from hermes_ops.errors import UsageError

FILES = ("gateway", "errors", "agent")
JOURNAL = "journal"
LINES = 100
"""How many lines are shown if nothing says how many."""

_SPAN = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Request:
    """Which lines of which files are wanted."""

    files: tuple[str, ...] = ("gateway",)
    journal: bool = False
    follow: bool = False
    lines: int | None = LINES
    """None: all of those since `since`."""
    since: float | None = None
    """Seconds since 1970."""
    level: int = 0
    logger: str = ""
    grep: re.Pattern[str] | None = None

    @property
    def is_picky(self) -> bool:
        """Whether some of the lines of a file are not wanted, whatever their time."""
        return bool(self.level or self.logger or self.grep)

    def wants(self, line: LogLine) -> bool:
        """Whether a line is to be shown; what has no level, logger or time passes those."""
        if self.since is not None and 0 <= line.at < self.since:
            return False
        if self.level and line.level and LEVELS.get(line.level, 0) < self.level:
            return False
        if self.logger and line.logger and not _is_below(line.logger, self.logger):
            return False
        return self.grep is None or bool(self.grep.search(written(line)))


def written(line: LogLine) -> str:
    """Return level, logger and message of a line, as in its file."""
    if not line.own:
        return line.message
    return " ".join(
        filter(None, (line.level, f"{line.logger}:" if line.logger else "", line.message))
    )


def _is_below(logger: str, wanted: str) -> bool:
    return logger == wanted or logger.startswith(f"{wanted}.")


def read_request(given: Mapping[str, Any], now: float) -> Request:
    """Return the request from the task's own options.

    Raises:
        UsageError: one of them is wrong.
    """
    files = _files(given["file"])
    since = None if given["since"] is None else _since(given["since"], now)
    lines = None if given["lines"] is None else whole("lines", given["lines"], least=0)
    if lines is None and since is None:
        lines = LINES
    return Request(
        files=tuple(file for file in files if file != JOURNAL),
        journal=JOURNAL in files,
        follow=given["follow"],
        lines=lines,
        since=since,
        level=_level(given["level"]) if given["level"] is not None else 0,
        logger=given["logger"] or "",
        grep=_pattern(given["grep"]) if given["grep"] is not None else None,
    )


def _files(named: tuple[str, ...]) -> list[str]:
    known = (*FILES, JOURNAL)
    files = [word for text in named for word in text.split(",")] or [FILES[0]]
    for file in files:
        if file not in known:
            near = get_close_matches(file, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(known)}"
            raise UsageError(f"--file: there is no log {file!r}", hint=hint)
    return list(dict.fromkeys(files))


def _level(text: str) -> int:
    if text.upper() not in LEVELS:
        raise UsageError(
            f"--level: there is no level {text!r}", hint="DEBUG, INFO, WARNING, ERROR or CRITICAL"
        )
    return LEVELS[text.upper()]


def _since(text: str, now: float) -> float:
    if match := _SPAN.fullmatch(text):
        return now - int(match[1]) * _SECONDS[match[2]]
    try:
        # A time without an offset is one of this machine.
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        hint = "write 30m, 2h, 1d or 2026-11-27T10:00"
        raise UsageError(f"--since: {text!r} is no time", hint=hint) from None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        where = f" at character {error.pos + 1}" if error.pos is not None else ""
        raise UsageError(
            f"--grep: {text!r} is no regular expression: {error.msg}{where}",
            hint=f"to find the text itself: --grep '{re.escape(text)}'",
        ) from None
