"""The journal: one file of JSON lines for every run, in the operator's state folder, no secrets."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hermes_ops.reporting import events
from hermes_ops.reporting.events import Event
from hermes_ops.secrets.secret import Redactor


def folder() -> Path:
    """Return the folder of the journals."""
    from platformdirs import user_state_path

    return user_state_path("hermes-ops") / "runs"


class Journal:
    """The file of one run. If it cannot be written, the run goes on with one warning."""

    def __init__(self, run: str, redact: Redactor, complain: Callable[[str], None]) -> None:
        self._path = folder() / f"{run}.jsonl"
        self._redact, self._complain = redact, complain
        self._lock = threading.Lock()
        self._broken = False

    @property
    def is_broken(self) -> bool:
        """Whether a line could not be written."""
        return self._broken

    def write(self, word: str, **fields: Any) -> None:
        """Append one line: when, what, and the fields."""
        # Redacted before it is quoted: names are no text, and stay.
        entry = self._redact.deep({"at": round(time.time(), 3), "event": word, **fields})
        line = json.dumps(entry, ensure_ascii=False)
        with self._lock:
            if not self._broken:
                self._append(line)

    def _append(self, line: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(line + "\n")
        except OSError as error:
            self._broken = True
            self._complain(f"warning: the journal of this run cannot be written: {error}")

    def event(self, event: Event, stage: str = "") -> None:
        """Append an event of a host; `stage`: its work goes on after it has finished this part."""
        match event:
            case events.Planned(plan=plan):
                changes = [_change(change) for change in plan.changes]
                self.write("planned", host=event.host, changes=changes)
            case events.Changed():
                self.write(
                    "changed", host=event.host, **_change(event.change), outcome=event.outcome,
                    because=event.because, seconds=round(event.seconds, 3),
                )  # fmt: skip
            case events.Finished():
                self.write(
                    stage or "finished", host=event.host, outcome=event.outcome,
                    message=event.message, seconds=round(event.seconds, 3),
                )  # fmt: skip
            case events.Changing(change=change):
                self.write("changing", host=event.host, **_change(change))
            case _:
                own = {name: getattr(event, name) for name in type(event).__dataclass_fields__}
                self.write(type(event).__name__.lower(), **own)


def _change(change: Any) -> dict[str, Any]:
    return {
        "step": change.step,
        "profile": change.profile,
        "resource": change.resource,
        "action": change.action,
        "reason": change.reason,
        "kept": str(change.kept) if change.kept else None,
    }


def names(start: str = "") -> list[str]:
    """Return the names of the runs that begin so, the oldest first.

    A name has whole seconds and a random end: of one second, the first lines tell the order.
    """
    found = [path.stem for path in folder().glob(f"{start}*.jsonl")]
    many = Counter(map(_second, found))
    began = {name: _began(name) for name in found if many[_second(name)] > 1}
    return sorted(found, key=lambda name: (_second(name), began.get(name, 0), name))


def _second(name: str) -> str:
    return name.partition("-")[0]


def _began(name: str) -> float:
    first = next(iter(read(name)), {}).get("at")
    return first if isinstance(first, int | float) else 0.0


def runs() -> Iterator[dict[str, Any]]:
    """Yield a summary of each run in the journal, newest first."""
    return map(_summary, reversed(names()))


def _summary(run: str) -> dict[str, Any]:
    lines = list(read(run))
    first: Mapping[str, Any] = lines[0] if lines else {}
    last: Mapping[str, Any] = lines[-1] if lines else {}
    return {
        "run": run,
        "task": first.get("task"),
        "check": first.get("check"),
        "began": first.get("at"),
        "operator": first.get("operator"),
        "why": first.get("why"),
        "limit": first.get("limit"),
        "inventory": first.get("inventory"),
        "exit": last.get("exit") if last.get("event") == "ended" else None,
        "changes": last.get("changes") if last.get("event") == "ended" else None,
    }


def read(run: str) -> Iterable[dict[str, Any]]:
    """Yield the lines of a run, without a last one that a crash left incomplete."""
    text = (folder() / f"{run}.jsonl").read_text(encoding="utf-8", errors="surrogateescape")
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
