"""Lines of log files as values: time, level, logger and message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hermes_ops.commands.logs.clock import HostClock, Moment

LEVELS = {
    "DEBUG": 10, "INFO": 20, "WARNING": 30, "WARN": 30, "ERROR": 40, "CRITICAL": 50, "FATAL": 50,
}  # fmt: skip

_TIME = r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)"
_LEVEL = r"(DEBUG|INFO|WARN(?:ING)?|ERROR|CRIT(?:ICAL)?|FATAL)"
_LOGGED = rf"{_LEVEL}(?: (\[[^\]]{{0,200}}\]))? ([\w.\-]{{1,200}}): (.*)"
_HERMES = re.compile(rf"{_TIME} {_LOGGED}", re.S)
_TIMED = re.compile(rf"{_TIME} (?:{_LEVEL} )?(.*)", re.S)
_PLAIN = re.compile(_LOGGED, re.S)
_JOURNAL = re.compile(r"(\d{9,12}\.\d{1,6}) (.*?)(?:\[\d+\])?: (.*)", re.S)
_CURSOR = "-- cursor: "


class Origin(NamedTuple):
    """The profile and the file that a line is of."""

    host: str
    profile: str
    file: str


class LogLine(NamedTuple):
    """One line; one without a time of its own has those of the line before."""

    origin: Origin
    at: float
    """Seconds since 1970 by our clock; -1 if no line before had a time."""
    level: str
    logger: str
    message: str
    own: bool = True
    """Whether time, level and logger stand in this line itself."""
    order: float = -1
    """As `at`, and never less than that of a line before in the same file."""


@dataclass(slots=True)
class LineReader:
    """Reads the lines of one file in their order, as they come."""

    origin: Origin
    clock: HostClock
    last: LogLine | None = None
    moment: Moment | None = None

    def read(self, text: str) -> Iterator[LogLine]:
        """Yield the lines of a text of whole lines."""
        for line in text.split("\n"):
            yield self._one(line.removesuffix("\r"))

    def _one(self, text: str) -> LogLine:
        found = self._head(text)
        if found is None:
            found = self._continued(text)
        else:
            order = max(found.at, self.last.order if self.last else -1)
            found = found._replace(order=order)
        self.last = found
        return found

    def _continued(self, text: str) -> LogLine:
        if self.last is None:
            return LogLine(self.origin, -1, "", "", text, own=False)
        return self.last._replace(message=text, own=False)

    def _head(self, text: str) -> LogLine | None:
        if match := _HERMES.fullmatch(text):
            time, level, session, logger, message = match.groups()
            message = f"{session} {message}" if session else message
        elif match := _TIMED.fullmatch(text):
            (time, level, message), logger = match.groups(), ""
        else:
            return None
        try:
            self.moment = self.clock.utc(time, self.moment)
        except (ValueError, OverflowError, OSError):
            return None
        return LogLine(self.origin, self.moment.at, _level(level), logger, message)


@dataclass(slots=True)
class JournalReader(LineReader):
    """Reads what a service manager says: its times are epochs, or local times as in a log."""

    cursor: str = ""

    def _head(self, text: str) -> LogLine | None:
        match = _JOURNAL.fullmatch(text)
        if match is None:
            found = LineReader._head(self, text)
            return found and found._replace(message=_rejoined(found), logger="")
        logged = _PLAIN.fullmatch(match[3])
        level, session, logger, message = (
            logged.groups() if logged else ("", "", match[2], match[3])
        )
        message = f"{session} {message}" if session else message
        at = float(match[1]) - self.clock.ahead
        return LogLine(self.origin, at, _level(level), logger, message)

    def read(self, text: str) -> Iterator[LogLine]:
        """Yield the lines, and keep the cursor behind them."""
        body, mark, cursor = f"\n{text}".rpartition(f"\n{_CURSOR}")
        if mark:
            self.cursor, text = cursor.strip(), body[1:]
        if text.strip("\n"):
            # Called by name: `super()` does not work in a class with slots.
            yield from LineReader.read(self, text.strip("\n"))


def _rejoined(line: LogLine) -> str:
    return f"{line.logger}: {line.message}" if line.logger else line.message


def _level(word: str | None) -> str:
    word = word or ""
    return {"WARN": "WARNING", "FATAL": "CRITICAL", "CRIT": "CRITICAL"}.get(word, word)
