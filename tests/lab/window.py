"""A window in which a task of ours runs: what is typed, what is shown, and its size."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from kit import Operator


@dataclass
class Window:
    """An open window, and what it showed that nobody has read yet."""

    pid: int
    terminal: int
    said: str = ""

    def until(self, pattern: str, seconds: float = 40) -> str:
        """Read until this is shown; return all that was shown since the last time."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.said)):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.said!r}"
            if select.select([self.terminal], [], [], left)[0]:
                self.said += self._read()
        shown, self.said = self.said[: found.end()], self.said[found.end() :]
        return shown

    def _read(self) -> str:
        try:
            return os.read(self.terminal, 65536).decode(errors="replace")
        except OSError as error:  # Linux tells the end so
            raise AssertionError(f"it ended: {self.said!r}") from error

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self.terminal, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Pull the window to another size."""
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def end(self, seconds: float = 30) -> int:
        """Read on until the task ends; return its exit code."""
        deadline = time.monotonic() + seconds
        while not (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            assert time.monotonic() < deadline, f"it did not end: {self.said!r}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                with suppress(AssertionError):
                    self.said += self._read()
        self.pid = 0
        return os.waitstatus_to_exitcode(ended[1])


@contextmanager
def in_window(operator: Operator, *words: str) -> Iterator[Window]:
    """Start a task of an operator in a window of 33 rows and 101 columns."""
    argv, environ = operator.words(*words), operator.variables() | {"TERM": "xterm"}
    pid, terminal = pty.fork()
    if not pid:
        try:
            time.sleep(0.2)  # until the window has its size
            os.chdir(operator.home)
            # Whoever runs these tests in the background has let Ctrl-C be ignored.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execve(argv[0], argv, environ)
        finally:
            os._exit(127)
    window = Window(pid, terminal)
    window.resize(33, 101)
    try:
        yield window
    finally:
        if window.pid:
            os.kill(window.pid, signal.SIGKILL)
            os.waitpid(window.pid, 0)
        os.close(terminal)
