"""A terminal on this machine as a host."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
from typing import Any

import pytest

from hermes_ops.inventory.model import Connection, Host
from hermes_ops.transport.local import Local


def test_a_terminal_of_this_machine_is_of_the_same_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else programs would draw what this one does not understand; nothing else is inherited."""
    monkeypatch.setenv("TERM", "xterm-odd")
    monkeypatch.setenv("MY_TOKEN", "a-secret")
    host = Host("box", Connection(kind="local"), (), (), ())
    remote: Any = Local(host).terminal('echo "[$TERM] [$MY_TOKEN]"; kill -9 $$')
    said = b""
    while part := remote.read():
        said += part
    assert (said.split(), remote.wait()) == ([b"[xterm-odd]", b"[]"], 137)


_LOCALLY = """
from hermes_ops.inventory.model import Connection, Host
from hermes_ops.transport.local import Local
from hermes_ops.transport.terminal import converse
host = Host("box", Connection(kind="local"), (), (), ())
says = "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.05; done"
converse(Local(host).terminal(says))
"""


@pytest.mark.slow
def test_a_window_of_another_size_is_told() -> None:
    """A program hears its first size and the next one, whatever COLUMNS and LINES say here."""
    pid, window = pty.fork()
    if not pid:
        stale = os.environ | {"COLUMNS": "50", "LINES": "10"}
        os.execve(sys.executable, [sys.executable, "-c", _LOCALLY], stale)
    said, sizes = b"", [(20, 77), (25, 90)]
    _pull(window, *sizes[0])
    try:
        while select.select([window], [], [], 60)[0]:
            said += os.read(window, 999)
            if b"20 77" in said:
                _pull(window, *sizes[1])
        os.kill(pid, signal.SIGKILL)
    except OSError:  # so Linux tells the end
        pass
    os.waitpid(pid, 0)
    os.close(window)
    # It may be told twice of a size: by who starts it, and by the signal for that.
    assert list(dict.fromkeys(said.splitlines())) == [b"20 77", b"25 90"]


def _pull(window: int, rows: int, columns: int) -> None:
    fcntl.ioctl(window, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
