"""Turn references into the secrets they stand for: once a run, in parallel, each with a deadline.

This is the only place where reading an inventory may run a command, and it runs none but those
that a `{command: […]}` names.
"""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from hermes_ops.errors import InventoryError
from hermes_ops.inventory import Reference
from hermes_ops.secret import Redactor, Secret

KINDS = ("env", "file", "command")
DEADLINE = 30.0
MOST_AT_ONCE = 16
LARGEST = 1024 * 1024

_CREDENTIAL = re.compile(r"(TOKEN|KEY|SECRET|PASS|PASSWORD|PASSPHRASE|CREDENTIALS?)$", re.I)


def resolve(
    references: Iterable[Reference], environ: Mapping[str, str], *, deadline: float = DEADLINE
) -> dict[Reference, Secret]:
    """Return the secret of each reference; the first that has none is an `InventoryError`.

    References with the same source are asked for once.
    """
    wanted = list(dict.fromkeys(references))
    asked = {_source(reference): reference for reference in reversed(wanted)}
    asking = _Asking(environ, deadline)
    with ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, len(asked) or 1)) as pool:
        answers = {key: pool.submit(asking.secret, asked[key]) for key in reversed(asked)}
        try:
            return {reference: answers[_source(reference)].result() for reference in wanted}
        except BaseException:
            # Also at Ctrl-C: nobody waits for commands whose answer is of no use any more.
            pool.shutdown(wait=False, cancel_futures=True)
            asking.end()
            raise


def _source(reference: Reference) -> tuple[str, str | tuple[str, ...]]:
    return (reference.kind, reference.argument)


class _Asking:
    """What the readers of one run share: the environment, the deadline and what still runs."""

    def __init__(self, environ: Mapping[str, str], deadline: float) -> None:
        self._environ = environ
        self._deadline = deadline
        self._running: set[subprocess.Popen[bytes]] = set()

    def secret(self, reference: Reference) -> Secret:
        value = self._value(reference)
        if not value:
            raise _error(reference, f"{described(reference)} gave nothing")
        return Secret(value)

    def end(self) -> None:
        for process in tuple(self._running):
            _kill(process)

    def _value(self, reference: Reference) -> str:
        match reference.kind:
            case "env":
                return _from_environment(reference, self._environ)
            case "file":
                return _from_file(reference)
            case "command":
                return self._from_command(reference)
        message = f"{reference.kind!r} is no known kind of reference"
        raise _error(reference, message, f"known are: {', '.join(KINDS)}")

    def _from_command(self, reference: Reference) -> str:
        process = _started(reference, self._environ)
        self._running.add(process)
        try:
            output, errors = process.communicate(timeout=self._deadline)
        except subprocess.TimeoutExpired:
            _kill(process)
            # What left the command's session may still hold its output: not waited for.
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=1)
            raise _too_slow(reference, self._deadline) from None
        finally:
            self._running.discard(process)
        if process.returncode:
            raise _failed(reference, process.returncode, _redacted(errors, output, self._environ))
        return _text(reference, output)


def described(reference: Reference) -> str:
    """Name the source of a secret; of a command only the program, for words may be secret."""
    argument = reference.argument
    return f"{reference.kind} {argument if isinstance(argument, str) else argument[0]}"


def _error(reference: Reference, message: str, hint: str = "") -> InventoryError:
    return InventoryError(message, hint=hint, where=reference.place)


def _too_slow(reference: Reference, deadline: float) -> InventoryError:
    message = f"{described(reference)} gave no answer in {deadline:g} s"
    return _error(reference, message, "its stdin is closed: it cannot ask anything")


def _failed(reference: Reference, code: int, said: str) -> InventoryError:
    message = f"{described(reference)} failed with exit {code}"
    return _error(reference, f"{message}: {said}" if said else message)


def _from_environment(reference: Reference, environ: Mapping[str, str]) -> str:
    name = str(reference.argument)
    if name not in environ:
        near = get_close_matches(name, environ, n=1, cutoff=0.8)
        hint = (
            f"did you mean {near[0]!r}?"
            if near
            else "export it, or write it into the inventory's .env"
        )
        raise _error(reference, f"the environment has no {name}", hint)
    return environ[name]


def _from_file(reference: Reference) -> str:
    path = Path(str(reference.argument))
    try:
        # A pipe could keep us waiting for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise _error(reference, f"{path} is not a regular file")
        with path.open("rb") as stream:
            return _text(reference, stream.read(LARGEST + 1))
    except OSError as error:
        raise _error(reference, f"{path} cannot be read: {error.strerror}") from None


def _started(reference: Reference, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(reference.argument),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its words have a NUL"
        message = f"{described(reference)} cannot be run: {reason}"
        raise _error(reference, message) from None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _text(reference: Reference, content: bytes) -> str:
    """Return the content without the newline at its end, which editors and programs add."""
    if len(content) > LARGEST:
        raise _error(reference, f"{described(reference)} is larger than 1 MiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _error(reference, f"{described(reference)} is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


def _redacted(errors: bytes, output: bytes, environ: Mapping[str, str]) -> str:
    """Return the end of what a failed command said, without any secret that it could know."""
    redact = Redactor()
    for name, value in environ.items():
        if _CREDENTIAL.search(name):
            redact.learn(value)
    for line in output.decode(errors="replace").splitlines():
        redact.learn(line)
    said = redact(errors.decode(errors="replace")).split()
    return " ".join(said)[-300:]
