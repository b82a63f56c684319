"""A terminal on a host: what is typed here goes there, byte by byte, and so does the size."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

from hermes_ops.errors import Unknown
from hermes_ops.inventory.model import Host
from hermes_ops.transport.become import is_another, opening
from hermes_ops.transport.unheard import refuse_unheard

BLOCK = 65536


class Remote(Protocol):
    """A process with a terminal of its own."""

    def fileno(self) -> int:
        """Return what becomes readable when there is output."""

    def read(self, most: int = BLOCK) -> bytes:
        """Return output; empty at the end."""

    def write(self, data: bytes) -> None:
        """Send all of what was typed."""

    def resize(self, columns: int, rows: int) -> None:
        """Tell the size of the window."""

    def wait(self) -> int:
        """Return the exit code."""


def is_terminal() -> bool:
    """Whether there is somebody to type and to read."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def size() -> tuple[int, int]:
    """Return the columns and rows of this window.

    Not of the variables COLUMNS and LINES: where they are exported, they keep its first size.
    """
    with suppress(OSError):
        found = os.get_terminal_size(sys.stdin.fileno())
        if found.columns and found.lines:
            return found.columns, found.lines
    return 80, 24


def forked(words: Sequence[str], environ: Mapping[str, str]) -> Remote:
    """Run a program of this machine on a terminal of its own, which has its size at once."""
    number, side = pty.openpty()
    Forked(0, number).resize(*size())
    pid = os.fork()
    if not pid:
        try:
            os.close(number)
            os.login_tty(side)
            os.execvpe(words[0], list(words), dict(environ))  # noqa: S606 - words, no shell
        finally:
            os._exit(127)
    os.close(side)
    return Forked(pid, number)


@dataclass(frozen=True, slots=True)
class Forked:
    """A process of this machine, and our end of its terminal."""

    pid: int
    number: int

    def fileno(self) -> int:
        """Return what becomes readable when there is output."""
        return self.number

    def read(self, most: int = BLOCK) -> bytes:
        """Return output; empty at the end, which Linux tells by an error."""
        try:
            return os.read(self.number, most)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Send all of what was typed."""
        while data:
            data = data[os.write(self.number, data) :]

    def resize(self, columns: int, rows: int) -> None:
        """Tell the size of the window."""
        fcntl.ioctl(self.number, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def wait(self) -> int:
        """Return the exit code."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.number)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code


def converse(remote: Remote) -> int:
    """Connect this terminal with the remote one until its process ends; return the exit code.

    Ctrl-C and all other keys go to the process: this program does not hear them.
    """
    with _raw(sys.stdin.fileno()), _resizing(remote):
        keyboard = [sys.stdin.fileno()]
        while True:
            ready, _, _ = select.select([remote, *keyboard], [], [])
            if keyboard and keyboard[0] in ready:
                typed = os.read(keyboard[0], BLOCK)
                if typed:
                    with suppress(OSError):  # it is gone: the end of its output tells
                        remote.write(typed)
                else:
                    keyboard = []
            if remote in ready:
                said = remote.read()
                if not said:
                    return remote.wait()
                _print(said)


STARTING = 30
"""Seconds in which a command on a terminal begins."""


def begun(remote: Remote, host: Host, asks: str, begins: str) -> Remote:
    """Return the process once the command of `hermes_user` runs on it; sudo gets its password.

    Raises:
        NoSuchUser, MissingPrivilege, Unreachable: that user does not run it.
        Unknown: nothing happened in time.
    """
    if not is_another(host):
        return remote
    heard, until = b"", time.monotonic() + STARTING
    asked = not opening(host)
    while begins.encode() not in heard:
        if not select.select([remote], [], [], max(0.0, until - time.monotonic()))[0]:
            raise Unknown(f"no answer within {STARTING} s", kind="timeout", hint="run it again")
        said = remote.read(1)  # what comes behind `begins` is for whoever reads next
        if not said:
            refuse_unheard(host, "", remote.wait(), heard.rpartition(asks.encode())[2])
            raise Unknown("the connection was lost", hint="run it again")
        heard += said
        if not asked and asks.encode() in heard:
            with suppress(OSError):  # it has ended: the next read says why
                remote.write(opening(host))
            asked = True
    return remote


def _print(data: bytes) -> None:
    # As it is: this is a terminal of the host's, as with ssh itself.
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


@contextmanager
def _raw(keyboard: int) -> Iterator[None]:
    before = termios.tcgetattr(keyboard)
    try:
        tty.setraw(keyboard)
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


@contextmanager
def _resizing(remote: Remote) -> Iterator[None]:
    def resized(_number: int, _frame: FrameType | None) -> Any:
        with suppress(OSError):
            remote.resize(*size())

    before = signal.signal(signal.SIGWINCH, resized)
    try:
        remote.resize(*size())  # it may have changed before anybody listened
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
