"""The logs of one host: what was read of each file so far, and what comes next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hermes_ops.commands.logs.ask import (
    LogFile,
    LogPart,
    files_of,
    last_lines,
    new_lines,
    now_and_zone,
    parts,
)
from hermes_ops.commands.logs.clock import HostClock, ahead, zone_of
from hermes_ops.commands.logs.line import JournalReader, LineReader, LogLine, Origin
from hermes_ops.commands.logs.merge import placed
from hermes_ops.commands.logs.request import Request
from hermes_ops.commands.logs.source import LogNotice, LogSource, Position
from hermes_ops.commands.logs.view import stamp
from hermes_ops.errors import Unknown
from hermes_ops.transport import Session, Transport
from hermes_ops.wire import Reader, Reply, Script

Tell = Callable[[LogNotice], None]
PATIENCE = 40
"""Seconds that a host has for an answer, beside those that it waits for new lines."""


@dataclass(slots=True)
class HostLogs:
    """What is known of the logs of one host."""

    name: str
    sources: Sequence[LogSource]
    request: Request
    tell: Tell
    files: dict[str, LogFile] = field(default_factory=dict)
    readers: dict[LogFile, LineReader] = field(default_factory=dict)
    positions: dict[LogFile, Position] = field(default_factory=dict)
    clock: HostClock = field(default_factory=HostClock)
    began: int = 0
    """The host's time at the first look."""
    seen: str = ""
    """How it listed its files last."""
    hurries: bool = False
    """Whether it is asked to answer at once: it has more lines than it sent, or was lost."""
    told: set[tuple[LogFile, str]] = field(default_factory=set)
    absent: list[LogFile] = field(default_factory=list)
    """Files that are not there, of which that was not told yet."""

    def __post_init__(self) -> None:
        self.files = files_of(self.sources, self.request)

    # --- the end of each file -----------------------------------------------------------------

    def last(self, transport: Transport) -> list[list[LogLine]]:
        """Ask for the end of every file; return the wanted lines of each."""
        asked = time.time()
        reply = transport.exchange(last_lines(self.files, self.request))
        if not reply.complete:
            raise Unknown("the answer broke off", hint="run it again")
        self._set_clock(reply, asked, time.time())
        found = [list(self._wanted(part)) for part in parts(reply)]
        self._tell_absent()
        return found

    def _set_clock(self, reply: Reply, asked: float, answered: float) -> None:
        self.began, name, rules, offset = now_and_zone(reply)
        zone = zone_of(name, rules, offset)
        self.clock = HostClock(zone, ahead(self.began, asked, answered))

    # --- what is new --------------------------------------------------------------------------

    def next(self, session: Session) -> list[LogLine]:
        """Wait for new lines, some seconds at most, and return those that are wanted."""
        reply = self._asked(session)
        self.seen = next((record.text or "" for record in reply.of("listed")), "")
        self.hurries = any(reply.of("more"))
        found = [line for part in parts(reply) for line in self._wanted(part)]
        self._tell_absent()
        return found

    def _asked(self, session: Session) -> Reply:
        script = self._script()
        _, out, _ = session.run(script.text, timeout=PATIENCE)
        reader = Reader(script.nonce)
        reader.feed(out)
        if not reader.complete:
            raise Unknown("the answer broke off", hint="run it again")
        return reader.reply()

    def _script(self) -> Script:
        positions = {k: self.positions[f] for k, f in self.files.items() if f in self.positions}
        cursors = {k: (self._cursor(f), self.began) for k, f in self.files.items() if f.manager}
        waits = not self.hurries
        return new_lines(self.files, positions, cursors, self.seen, self.request, waits=waits)

    def _cursor(self, file: LogFile) -> str:
        reader = self.readers.get(file)
        return reader.cursor if isinstance(reader, JournalReader) else ""

    def follow(self, sources: Sequence[LogSource]) -> None:
        """Follow these profiles from now on; a new one from the beginning of its logs."""
        before, self.sources = set(self.files.values()), sources
        self.files = files_of(sources, self.request)
        for file in self.files.values():
            if file not in before and not file.manager:
                self.positions.setdefault(file, Position())

    # --- parts of files -----------------------------------------------------------------------

    def _wanted(self, part: LogPart) -> Iterator[LogLine]:
        file = self.files[part.key]
        reader = self._reader(file)
        before = reader.last
        if part.position is None and self.request.follow and not file.manager:
            self._without_position(file, part)
            return
        lines = placed(list(reader.read(part.text))) if part.text is not None else []
        self._tell_events(file, part, before, lines)
        if part.position is not None:
            self.positions[file] = part.position
        yield from filter(self.request.wants, lines)

    def _without_position(self, file: LogFile, part: LogPart) -> None:
        """A file that is not there yet, or is none, is read from its beginning later."""
        for word, rest in part.events:
            if word in ("missing", "odd"):
                self._tell_once(file, word, rest)
                self.positions.setdefault(file, Position())

    def _reader(self, file: LogFile) -> LineReader:
        if file not in self.readers:
            origin = Origin(self.name, file.source.profile, file.file)
            kind = JournalReader if file.manager else LineReader
            self.readers[file] = kind(origin, self._clock(file.source))
        return self.readers[file]

    def _clock(self, source: LogSource) -> HostClock:
        if not source.zone:
            return self.clock
        return replace(self.clock, zone=zone_of(source.zone, "", "") or self.clock.zone)

    # --- what an operator must know -----------------------------------------------------------

    def _tell_events(
        self, file: LogFile, part: LogPart, before: LogLine | None, lines: Sequence[LogLine]
    ) -> None:
        since = f" after {stamp(before.at)}" if before and before.at >= 0 else ""
        first = next((line.at for line in lines if line.at >= 0), None)
        # Somebody may have put an older file there.
        is_later = first is not None and not (before and before.at > first)
        until = f" and before {stamp(first)}" if first is not None and is_later else ""
        for word, rest in part.events:
            if word == "skipped":
                count = "1 line was" if rest == "1" else f"{int(rest):,} lines were"
                self._tell(file, f"{count} dropped: more are waiting than can be shown")
            elif word == "truncated":
                self._tell(file, f"the file was emptied; lines{since}{until} may be missing")
            elif word == "lost":
                self._tell(file, f"lines{since}{until} are lost: the file that had them is gone")
            elif word == "older":
                self._tell_older(file, first)
            else:
                self._tell_once(file, word, rest)

    def _tell_older(self, file: LogFile, first: float | None) -> None:
        since = self.request.since
        if since is not None and first is not None and first > since + 1:
            self._tell(file, f"older lines than {stamp(first)} are not shown: there are too many")
        elif since is None and self.request.is_picky and first is not None:
            self._tell(file, f"only lines from {stamp(first)} on were searched (--since)")

    def _tell_once(self, file: LogFile, word: str, rest: str) -> None:
        # A file that was read and is not there is in the middle of a rotation, most often.
        was_read = self.positions.get(file, Position()) != Position()
        if (file, word + rest) not in self.told and not (word == "missing" and was_read):
            self.told.add((file, word + rest))
            if word == "missing":
                self.absent.append(file)
            else:
                self._tell(file, f"not read: {rest} (~/{file.path})")

    def _tell_absent(self) -> None:
        """Say once of a host which files it does not have."""
        absent, self.absent = self.absent, []
        for name in dict.fromkeys(file.file for file in absent):
            profiles = ", ".join(file.source.profile for file in absent if file.file == name)
            self.tell(LogNotice(self.name, f"there is no {name}.log yet of {profiles}"))

    def _tell(self, file: LogFile, text: str) -> None:
        self.tell(LogNotice(f"{self.name}/{file.source.profile} {file.file}", text))
