"""Show a run to people: on a terminal one line a host that updates itself, else plain lines."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.output import shown
from hermes_ops.files.layout import STARTED, UPGRADE_NOTE, WRITTEN
from hermes_ops.files.ownership import NAME
from hermes_ops.reporting import events
from hermes_ops.reporting.events import Event
from hermes_ops.secrets.secret import Public

if TYPE_CHECKING:
    from rich.live import Live

    from hermes_ops.plan.model import Change

COLORS = {
    "healthy": "green", "ok": "green", "done": "green", "changed": "yellow", "planned": "yellow",
    "starting": "cyan", "draining": "cyan", "degraded": "yellow", "down": "red", "failed": "red",
    "unreachable": "red", "unknown": "magenta", "skipped": "dim", "stopped": "dim",
    "absent": "dim", "disabled": "dim",
}  # fmt: skip


def describe(event: Event, *, check: bool = False) -> str:
    """Return an event as the text of a progress line; with `check`, nothing was changed."""
    match event:
        case events.Connecting(attempt=attempt, why=why):
            return f"connecting (attempt {attempt}: {why})" if attempt > 1 else "connecting"
        case events.Looking():
            return "looking"
        case events.Planned(plan=plan):
            return (
                f"{count(len(plan.changes), 'change')} to make" if plan.changes else "holds already"
            )
        case events.Pushing(what=what):
            return f"copying {what}"
        case events.Changing(change=change):
            return f"{line(change)} …"
        case events.Waiting(what=what):
            return f"waiting {what}"
        case events.Noted(what=what):
            return what
        case events.Changed(change=change, outcome=outcome, because=because):
            return f"{line(change)}: {outcome}" + (f" ({because})" if because else "")
        case events.Finished(outcome=outcome, message=message, seconds=seconds):
            word = "looked" if check and outcome in ("changed", "ok") else outcome
            return f"{word} in {seconds:.1f} s" + (f": {message}" if message else "")
    return ""


def line(change: Change) -> str:
    """Return a change as one line: step, action, resource."""
    return f"{change.step} {change.action} {change.resource}"


def count(number: int, word: str) -> str:
    """Return `1 change`, `2 changes`."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def names(hosts: Sequence[str]) -> str:
    """Return the names of hosts; of many the first three, and their number."""
    if len(hosts) <= 4:
        return ", ".join(hosts)
    return f"{', '.join(hosts[:3])} … ({len(hosts)} hosts)"


def is_own_record(change: Change) -> bool:
    """Return whether a change only writes down what is ours, or what we wrote."""
    path = PurePosixPath(change.resource.removeprefix("file:"))
    return path.name in (NAME, STARTED) or path.parent == WRITTEN or path == UPGRADE_NOTE


class Progress:
    """Shows events on standard error, as they happen."""

    def __init__(
        self, output: Any, hosts: Sequence[str], *, verbose: bool, check: bool = False
    ) -> None:
        self._output, self._hosts, self._verbose = output, hosts, verbose
        self._check = check
        self._width = max((len(host) for host in hosts), default=4)
        self._lines: dict[str, str] = {}
        self._live: Live | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Progress:
        if self._output.is_terminal:
            self._live = _live(self._draw, self._output.redact)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        text = describe(event, check=self._check)
        if not text:
            return
        with self._lock:
            if self._live is not None:
                self._lines[event.host] = text
            elif self._is_worth_a_line(event, text):
                self._output.note(f"{event.host:{self._width}}  {text}")
            self._lines[event.host] = text

    def _is_worth_a_line(self, event: Event, text: str) -> bool:
        if self._lines.get(event.host) == text:
            return False
        if isinstance(event, events.Looking | events.Planned):
            return self._verbose
        if isinstance(event, events.Changed) and _is_minor(event):
            return self._verbose
        return not isinstance(event, events.Connecting) or event.attempt > 1 or self._verbose

    def _draw(self) -> str:
        rows = [f"{host:{self._width}}  {self._lines.get(host, 'waiting')}" for host in self._hosts]
        return "\n".join(rows)


def _is_minor(event: events.Changed) -> bool:
    return event.outcome == "skipped" or (event.outcome == "done" and is_own_record(event.change))


def _live(draw: Callable[[], str], redact: Callable[[str], str]) -> Live:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)

    def render() -> Text:
        return Text(redact(draw()), no_wrap=True, overflow="ellipsis")

    return Live(get_renderable=render, console=console, refresh_per_second=8, transient=True)


def table(
    output: Any,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    cell: Callable[[Any], str] | None = None,
    spare: Sequence[str] = (),
) -> None:
    """Print rows as a table: colored on a terminal, else plain.

    If it is wider than the terminal, the columns of `spare` are left out, one after the other,
    until it fits. A pipe has no width: there, nothing is left out.
    """
    text = _once(cell or plain)
    columns = _fitting(columns, rows, text, spare)
    cells = [[text(row.get(column)) for column in columns] for row in rows]
    colored = sys.stdout.isatty() or os.environ.get("FORCE_COLOR")
    lines = (_drawn if colored else _aligned)([column.upper() for column in columns], cells)
    output.drawn("\n".join(line.rstrip() for line in lines))


def _fitting(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    text: Callable[[Any], str],
    spare: Sequence[str],
) -> Sequence[str]:
    """Return the columns that are shown."""
    if not spare or (room := _room()) is None:
        return columns
    widths = {
        column: max(len(column), *(_width(text(row.get(column))) for row in rows), 0)
        for column in columns
    }
    left = list(columns)
    for column in spare:
        if sum(widths[each] + 2 for each in left) - 2 <= room:
            break
        if column in left:
            left.remove(column)
    return left


def _room() -> int | None:
    """Return how many columns the reader has; None for a pipe, unless $COLUMNS says it."""
    told = os.environ.get("COLUMNS", "")
    return shutil.get_terminal_size((80, 24)).columns if told or sys.stdout.isatty() else None


def _once(cell: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return the function that makes the text of a cell, and masks each text of a table once.

    Names are not searched for secrets.
    """
    known: dict[tuple[bool, str], str] = {}

    def text(value: Any) -> str:
        word, public = cell(value), isinstance(value, Public)
        if (public, word) not in known:
            known[public, word] = shown(Public(word) if public else word)
        return known[public, word]

    return text


def _drawn(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> Iterable[str]:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for head in heads:
        drawn.add_column(head, overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(word, style=COLORS.get(word, "")) for word in row))
    # Lines that are too long, as of `docker ps`, are better than words that are broken.
    console = Console(file=sys.stdout)
    widest = [max(map(_width, column)) for column in zip(heads, *cells, strict=True)]
    console.width = max(console.width, sum(widest) + 40)
    with console.capture() as captured:
        console.print(drawn)
    return captured.get().splitlines()


def _aligned(heads: Sequence[str], cells: Iterable[Sequence[str]]) -> Iterable[str]:
    """Yield the table's lines for a pipe, which has no width. Importing rich would take longer."""
    rows = [[word.expandtabs().split("\n") for word in row] for row in (heads, *cells)]
    columns = zip(*rows, strict=True)
    widths = [max(_width(line) for lines in column for line in lines) for column in columns]
    for row in rows:
        for line in zip_longest(*row, fillvalue=""):
            padded = (
                word + " " * (width - _width(word))
                for word, width in zip(line, widths, strict=True)
            )
            yield "  ".join(padded)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def plain(value: Any) -> str:
    """Return a cell's text."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {word}" for key, word in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return str(value)
