"""The scripts that ask a host for lines of its logs, and what its answer says of each file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from hermes_ops.commands.logs.request import Request
from hermes_ops.commands.logs.source import LogSource, Position
from hermes_ops.services import libraries, paths
from hermes_ops.wire import Record, Reply, Script, assemble

LIBRARIES = (
    "wire/common", "commands/logs/masked", "commands/logs/tail", "commands/logs/next",
)  # fmt: skip
MOST_OF_HOST = 6 << 20
"""Bytes of the past that one host sends at once; a part of `wire.reader.LARGEST`."""
MOST_SEARCHED = 2 << 20
"""Bytes of a host that are searched if lines are picked, and nothing says since when."""
MOST_OF_JOURNAL = "20000"
"""Lines that are asked of a journal if nothing says how many."""
AT_ONCE = 256 << 10
"""Bytes of new lines that a host sends at once, of all its files."""
LAG = 4 << 20
"""Bytes that a file may be ahead of what was sent; beyond that the older ones are dropped."""
ASLEEP, WITH_JOURNAL = 40, 6
"""Half seconds that a host waits for a change: a journal is not seen to change."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of a source, or its journal with one manager."""

    source: LogSource
    file: str
    manager: str = ""
    id: str = ""

    @property
    def path(self) -> str:
        """Return the path of the file, relative to the user's home."""
        return self.source.path(self.file)


def files_of(sources: Sequence[LogSource], request: Request) -> dict[str, LogFile]:
    """Return the wanted files by the key that stands for each in scripts and answers."""
    plain = [LogFile(source, file) for source in sources for file in request.files]
    journals = [
        LogFile(source, "journal", manager, id)
        for source in sources
        for manager, id in (source.ids if request.journal else ())
    ]
    return {str(number): file for number, file in enumerate((*plain, *journals))}


def last_lines(files: Mapping[str, LogFile], request: Request) -> Script:
    """Return the script that asks for the end of each file."""
    body = [_enter(files), f"log_follow={int(request.follow)}", "log_host", *_since(request)]
    body += _ends(files, request)
    return assemble(_libraries(files), body, paths=paths())


def _ends(files: Mapping[str, LogFile], request: Request) -> Iterator[str]:
    total = MOST_SEARCHED if request.is_picky and request.since is None else MOST_OF_HOST
    most = str(total // max(1, len(files)))
    lines = "-" if request.lines is None or request.is_picky else str(request.lines)
    since = "-" if request.since is None else str(int(request.since))
    if request.since is None and not request.follow and lines != "-":
        plain = {key: file for key, file in files.items() if not file.manager}
        if plain:
            told = ((key, file.path, file.source.env_file) for key, file in plain.items())
            yield shlex.join(["log_ends", lines, most, *chain.from_iterable(told)])
        files = {key: file for key, file in files.items() if file.manager}
    for key, file in files.items():
        env = file.source.env_file
        if file.manager:
            count = MOST_OF_JOURNAL if lines == "-" else lines
            words = [key, env, file.manager, file.id, count, since, "", most]
            yield shlex.join(["log_journal", *words])
        else:
            # A service may have another zone than its host: then what is too old is left out here.
            by_host = request.since is not None and not file.source.zone
            local = '"$since"' if by_host else "-"
            yield f"{shlex.join(['log_last', key, file.path, env, lines])} {local} {most}"


def _since(request: Request) -> list[str]:
    # Clocks differ, and may have been set back by an hour: what is too much is left out later.
    return [] if request.since is None else [f"log_local {int(request.since) - 3900}"]


def new_lines(
    files: Mapping[str, LogFile],
    positions: Mapping[str, Position],
    cursors: Mapping[str, tuple[str, int]],
    seen: str,
    request: Request,
    *,
    waits: bool,
) -> Script:
    """Return the script that waits for new lines, if it `waits`, and sends them.

    `seen` is how the host listed its files last. A file without a position is asked for its end.
    `cursors` has for each journal its cursor, and the host's time at the first look.
    """
    followed = [file.path for file in files.values() if not file.manager]
    journals = {key: file for key, file in files.items() if file.manager}
    most = str(max(32 << 10, AT_ONCE // max(1, len(followed))))
    body = [_enter(files), "log_follow=1", f"seen={shlex.quote(seen)}", *_since(request)]
    body.append("known=$seen" if waits else "known=")
    if followed:
        body.append(shlex.join(["log_wait", str(WITH_JOURNAL if journals else ASLEEP), *followed]))
    else:
        body.append(f"sleep {WITH_JOURNAL // 2}")
    body += _ends({k: f for k, f in files.items() if k not in positions and not f.manager}, request)
    for key, at in positions.items():
        file = files[key]
        place = [at.inode, str(at.offset), str(at.cut), at.mark]
        words = [key, file.path, file.source.env_file, *place, most, str(LAG)]
        body.append(shlex.join(["log_next", *words]))
    for key, file in journals.items():
        words = [key, file.source.env_file, file.manager, file.id, MOST_OF_JOURNAL]
        cursor, since = cursors[key]
        body.append(
            shlex.join(["log_journal", *words, "-" if cursor else str(since), cursor, most])
        )
    return assemble(_libraries(files), body, paths=paths())


def _enter(files: Mapping[str, LogFile]) -> str:
    """Return the first line: a manager asks whose a service is, and a plain file does not."""
    return "identify; enter_home" if any(file.manager for file in files.values()) else "enter_home"


def _libraries(files: Mapping[str, LogFile]) -> tuple[str, ...]:
    return (*LIBRARIES, *(libraries() if any(file.manager for file in files.values()) else ()))


# --- the answer -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogPart:
    """A text of whole lines of a file, what happened to the file before, and where it ends."""

    key: str
    text: str | None = None
    position: Position | None = None
    events: tuple[tuple[str, str], ...] = ()
    """`truncated`, `lost`, `skipped` with the number of lines, `older`, `missing`, `odd`."""


def parts(reply: Reply) -> Iterator[LogPart]:
    """Yield what an answer says of each file, in order; texts without a position are the last."""
    texts: dict[str, str] = {}
    events: dict[str, list[tuple[str, str]]] = {}
    for record in reply.records:
        key, _, rest = record.rest.partition(" ")
        if record.word in ("text", "journal"):
            texts[key] = record.text or ""
            if record.word == "journal":
                yield LogPart(key, _lines(texts.pop(key)))
        elif record.word == "at":
            said = tuple(events.pop(key, ()))
            yield LogPart(key, _lines(texts.pop(key, "")), _position(rest), said)
        elif record.word in ("truncated", "lost", "skipped", "older", "missing", "odd"):
            events.setdefault(key, []).append((record.word, rest))
    for key in dict.fromkeys((*texts, *events)):
        yield LogPart(key, _lines(texts.get(key, "")), None, tuple(events.get(key, ())))


def _lines(text: str) -> str | None:
    """Return the text of a block without its last line end; None if there is no line in it."""
    return text.removesuffix("\n").replace(_NUL, "\0") if text else None


_NUL = "\udcff"
"""What is read for the byte in which a NUL travels (`log_masked`)."""


def _position(rest: str) -> Position:
    inode, offset, cut, mark = rest.split()
    return Position(inode, int(offset), int(cut), mark)


def now_and_zone(reply: Reply) -> tuple[int, str, str, str]:
    """Return a host's time in seconds, its zone's name and rules, and its offset today."""
    now, _, offset = _rest(reply, "now").partition(" ")
    rules = next((record.text or "" for record in reply.of("rules")), "")
    return int(now), _rest(reply, "zone"), rules, offset


def _rest(reply: Reply, word: str) -> str:
    found: Record | None = next(reply.of(word), None)
    return found.rest if found else ""
