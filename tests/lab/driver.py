"""The program itself, with something done at a record that a host sends while it is changed.

    python driver.py '{"at": 3, "do": "kill"}' fleet.up …

`at` counts the records of applying, on all hosts, from 1; 0 is before the script is sent. `do`:

    kill    the program kills itself, at once
    count   nothing; the number of records goes to standard error at the end
    pause   it makes the file `reached`, and goes on when there is a file `go`
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from hermes_ops.commands import converge
from hermes_ops.run import Settings
from hermes_ops.tasks.program import Program
from hermes_ops.transport import Transport
from hermes_ops.wire import OnRecord, Record, Reply, Script

ORDERS: dict[str, Any] = json.loads(sys.argv[1])
SEEN = 0


class Driven:
    """A transport that counts the records of applying."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Exchange; only an exchange that applies or watches has a listener."""
        if on_record is None:
            return self._transport.exchange(script, timeout=timeout)
        listener = on_record

        def counted(record: Record) -> None:
            listener(record)
            reach()

        if SEEN == 0 and ORDERS["at"] == 0:
            act()
        return self._transport.exchange(script, counted, timeout=timeout)


def reach() -> None:
    """Count a record, and act if it is the one."""
    global SEEN  # noqa: PLW0603 - one program, one count
    SEEN += 1
    if ORDERS["at"] == SEEN:
        act()


def act() -> None:
    """Do what was ordered."""
    if ORDERS["do"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if ORDERS["do"] == "pause":
        Path(ORDERS["reached"]).touch()
        while not Path(ORDERS["go"]).exists():
            time.sleep(0.02)


def main() -> None:
    """Be the program, with `Driven` transports."""
    plain = converge.settings

    def settings(*words: Any, **named: Any) -> Settings:
        how = plain(*words, **named)
        return replace(how, connect=lambda *w, **n: Driven(how.connect(*w, **n)))

    converge.settings = settings
    try:
        Program().run(["inv", *sys.argv[2:]])
    finally:
        print(f"records: {SEEN}", file=sys.stderr)


if __name__ == "__main__":
    main()
