"""A shell that stays: each command is framed by a mark that nothing it prints can know."""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Callable

from hermes_ops.errors import Unknown

Receive = Callable[[float], bytes]
"""Return what has come within the seconds given, b"" for the end; raises TimeoutError."""


class FramedShell:
    """Speaks with a `/bin/sh` over two functions: one sends bytes, one receives some."""

    def __init__(
        self, send: Callable[[bytes], None], receive: Receive, end: Callable[[], None]
    ) -> None:
        self._send, self._receive, self._end = send, receive, end
        self._rest = b""

    def run(self, command: str, *, timeout: float = 30) -> tuple[int, str, str]:
        """Run a command of the shell; return its exit code, standard output and error."""
        mark = secrets.token_hex(8)
        self._send(_framed(command, mark).encode("utf-8", "surrogateescape"))
        text = self._until(f"\n{mark} end\n".encode(), time.monotonic() + timeout, command)
        head, out, err = text.split(f"{mark}\n", 2)
        return int(head.split()[-1]), out[:-2], err

    def close(self) -> None:
        """End the shell."""
        self._end()

    def _until(self, end: bytes, deadline: float, command: str) -> str:
        data = self._rest
        while end not in data:
            try:
                chunk = self._receive(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                raise Unknown(f"no answer in time from: {command}", kind="timeout") from None
            if not chunk:
                raise Unknown("the connection was lost", hint="look again")
            data += chunk
        text, _, self._rest = data.partition(end)
        return text.decode("utf-8", "replace")


def _framed(command: str, mark: str) -> str:
    """Return shell text that prints: code, mark, output and `x`, mark, error, mark and end.

    The `x` keeps the line ends that `$(…)` would strip. Nothing is written to a file.
    """
    inner = f"$(sh -c {shlex.quote(command)} </dev/null; code=$?; printf x; exit $code)"
    shown = f'printf \'%s {mark}\\n%s\\n{mark}\\n\' "$code" "$out" >&3'
    return (
        f"{{ err=$({{ out={inner}; code=$?; {shown}; }} 2>&1); "
        f"printf '%s\\n{mark} end\\n' \"$err\"; }} 3>&1\n"
    )
