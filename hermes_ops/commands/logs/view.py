"""How a line of a log looks: for people with a prefix and colors, or as an object of JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zlib import crc32

from hermes_ops.cli.output import shown
from hermes_ops.cli.printable import one_line
from hermes_ops.commands.logs.line import LogLine, Origin
from hermes_ops.commands.logs.mask import masked
from hermes_ops.secrets.secret import Public

SOURCES = ("32", "33", "34", "35", "36", "92", "93", "94", "95", "96")
"""The colors of profiles, as numbers of ANSI: none of them is red, which means an error."""
_LEVELS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
_FOUND = "7"
"""What `--grep` found is shown in reverse."""


@dataclass(frozen=True, slots=True)
class View:
    """How lines are drawn."""

    colored: bool = False
    width: int = 0
    """Columns of the prefix."""
    with_file: bool = False
    """Whether the prefix names the file: lines of several are shown."""
    grep: re.Pattern[str] | None = None

    def drawn(self, line: LogLine) -> str:
        """Return a line for people, without any control character but our own colors."""
        words = [self._prefix(line.origin), stamp(line.at) if line.own else " " * 24]
        if line.own and line.level:
            words.append(self._in(_LEVELS.get(line.level, ""), line.level))
        if line.own and line.logger:
            words.append(f"{one_line(line.logger)}:")
        return " ".join((*words, self._message(safe(line.message)))).rstrip()

    def _prefix(self, origin: Origin) -> str:
        name = prefix_of(origin, with_file=self.with_file)
        return self._in(color_of(f"{origin.host}/{origin.profile}"), name.ljust(self.width))

    def _message(self, text: str) -> str:
        if not self.colored or self.grep is None:
            return text
        return self.grep.sub(lambda match: self._in(_FOUND, match[0]) if match[0] else "", text)

    def _in(self, color: str, text: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self.colored and color else text


def prefix_of(origin: Origin, *, with_file: bool) -> str:
    """Return what stands before each line of a file."""
    return f"{origin.host}/{origin.profile}" + (f" {origin.file}" if with_file else "")


@lru_cache(4096)
def color_of(name: str) -> str:
    """Return the color of a profile: always the same one for a name."""
    return SOURCES[crc32(name.encode()) % len(SOURCES)]


def safe(text: str) -> str:
    """Return a text of a host without secrets and without control characters."""
    return shown(masked(text)).replace("\t", "    ").replace("\n", "\\n")


@lru_cache(256)
def _second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def stamp(at: float) -> str:
    """Return a time in UTC, to the millisecond; blanks if there is none."""
    if at < 0:
        return " " * 24
    millis = round(at * 1000)
    return f"{_second(millis // 1000)}.{millis % 1000:03d}Z"


def document(line: LogLine) -> Mapping[str, Any]:
    """Return a line as an object of JSON; its secrets are masked, nothing is escaped yet."""
    return {
        "ts": Public(stamp(line.at)) if line.at >= 0 else None,
        "host": Public(line.origin.host),
        "profile": Public(line.origin.profile),
        "file": Public(line.origin.file),
        "level": Public(line.level) if line.level else None,
        "logger": _text(line.logger) or None,
        "message": _text(masked(line.message)),
    }


_NO_TEXT = re.compile("[\udc80-\udcff]")


def _text(read: str) -> str:
    """Return what was read with bytes that are no UTF-8 as on the screen, `\\xff`.

    JSON can write them as halves of pairs, and many readers of JSON then refuse the whole line.
    """
    return _NO_TEXT.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", read)
