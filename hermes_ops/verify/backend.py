"""A backend for testinfra: every `host.run` goes through one shell that stays open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult

from hermes_ops.errors import HermesError, Unknown
from hermes_ops.transport import Session

Open = Callable[[], Session]
COMMAND_TIMEOUT = 30.0
"""Seconds that one command of a check may take."""


class SessionBackend(BaseBackend):  # type: ignore[misc] # testinfra ships no types
    """One host, one shell: opened by the first command, used by one check at a time."""

    NAME = "hermes-ops"

    def __init__(self, host: str, open_session: Open, deadline: float | None = None) -> None:
        super().__init__(host)
        self._open, self._deadline = open_session, deadline
        self._session: Session | None = None
        self._failure: HermesError | None = None
        self._lock = threading.Lock()
        self.sessions = 0

    def run(self, command: str, *args: str, **_kwargs: Any) -> CommandResult:
        """Run a command; raise `Unknown` or `Unreachable` if the host does not answer."""
        words = self.get_command(command, *args)
        with self._lock:
            code, output, errors = self._opened().run(words, timeout=self._patience())
        return self.result(code, self.encode(words), output, errors)

    def get_encoding(self) -> str:
        """Return UTF-8: testinfra would ask a Python on the host, which may have none."""
        return "utf-8"

    def decode(self, data: bytes) -> str:
        """Return text, whatever bytes a command printed."""
        return data.decode("utf-8", "backslashreplace")

    def encode(self, data: str) -> bytes:
        """Return bytes, whatever text a command is."""
        return data.encode("utf-8", "surrogateescape")

    def close(self) -> None:
        """End the shell."""
        if self._session is not None:
            self._session.close()

    def _opened(self) -> Session:
        if self._failure is not None:
            raise self._failure
        if self._session is None:
            try:
                self._session = self._open()
            except HermesError as failure:
                self._failure = failure
                raise
            self.sessions += 1
        return self._session

    def _patience(self) -> float:
        if self._deadline is None:
            return COMMAND_TIMEOUT
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Unknown("the deadline of the run passed", kind="timeout")
        return min(COMMAND_TIMEOUT, left)
