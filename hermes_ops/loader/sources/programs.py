"""Run a program of the operator: in its own group, with a deadline and bounded output.

The only programs that loading runs are executable inventories and a vault password program.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import IO

from hermes_ops.errors import InventoryError, UsageError
from hermes_ops.loader.sources.text import shown
from hermes_ops.secrets.names import holds_credential
from hermes_ops.secrets.secret import Redactor, without_odd_words

VARIABLE = "HERMES_OPS_INVENTORY_TIMEOUT"
DEADLINE = 30.0
LARGEST_OUTPUT = 64 * 1024 * 1024
_SAID = 400


def deadline() -> float:
    """Return the deadline of a program in seconds: `$HERMES_OPS_INVENTORY_TIMEOUT`, else 30."""
    given = os.environ.get(VARIABLE, "")
    try:
        seconds = float(given) if given else DEADLINE
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 86_400:
        raise UsageError(f"${VARIABLE} must be a number of seconds above 0, not {given!r}")
    return seconds


def run(file: Path, words: Sequence[str], what: str) -> bytes:
    """Return what the program prints.

    Raises:
        InventoryError: the program does not start, takes too long, prints too much, or fails.
    """
    seconds = deadline()
    with _started(file, words, what) as process:
        try:
            out, err = _read(process, time.monotonic() + seconds)
        except BaseException as error:
            _end(process)
            raise _too_much(error, what, file, seconds) from None
    if process.returncode:
        message = f"{what} failed ({_ending(process.returncode)}){_words_of(err)}"
        raise InventoryError(message, where=shown(file))
    return out


def _too_much(error: BaseException, what: str, file: Path, seconds: float) -> BaseException:
    """Return the error for a program that had to be ended."""
    if isinstance(error, TimeoutError | subprocess.TimeoutExpired):
        message, hint = (
            f"{what} did not finish within {seconds:g} s",
            f"${VARIABLE} sets the deadline",
        )
        return InventoryError(message, hint=hint, where=shown(file))
    if isinstance(error, OverflowError):
        return InventoryError(f"{what} printed more than 64 MiB", where=shown(file))
    return error


def _started(file: Path, words: Sequence[str], what: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [str(file.absolute()), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # In its own process group, so that its children end with it.
            start_new_session=True,
        )
    except OSError as error:
        message = f"{what} cannot be started: {error.strerror}"
        raise InventoryError(message, where=shown(file)) from None


def _read(process: subprocess.Popen[bytes], until: float) -> tuple[bytes, bytes]:
    """Return output and errors; raise `TimeoutError`, or `OverflowError` if it prints too much."""
    streams: dict[IO[bytes] | None, bytearray] = {
        process.stdout: bytearray(),
        process.stderr: bytearray(),
    }
    with DefaultSelector() as selector:
        for stream in streams:
            assert stream is not None  # noqa: S101 - both are pipes
            selector.register(stream, EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, 65_536)
                if not chunk:
                    selector.unregister(key.fileobj)
                held = streams[key.fileobj]  # type: ignore[index]
                held += chunk
                if len(held) > LARGEST_OUTPUT:
                    raise OverflowError
    # It may have closed its output but still run.
    process.wait(max(0.0, until - time.monotonic()))
    return bytes(streams[process.stdout]), bytes(streams[process.stderr])


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _ending(status: int) -> str:
    return f"exit {status}" if status > 0 else f"signal {-status}"


def _words_of(err: bytes) -> str:
    """Return the end of its stderr in one line, without the operator's credentials."""
    said = " ".join(_without_credentials(err.decode(errors="replace")).split())
    said = "".join(letter if letter.isprintable() else "?" for letter in said)
    if len(said) > _SAID:
        said = "…" + said[-_SAID:]
    return f": {said}" if said else ""


def _without_credentials(text: str) -> str:
    """Mask credentials of the environment: an error message of the program may repeat a token."""
    redactor = Redactor()
    for name, value in os.environ.items():
        if holds_credential(name):
            redactor.learn(value)
    return without_odd_words(redactor(text))
