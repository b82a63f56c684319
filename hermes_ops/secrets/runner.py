"""What the references of one run share: the environment, programs, and cached answers.

Every program that a source runs is run here: with the operator's environment, and a deadline.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.secrets.names import holds_credential
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.secret import Redactor, without_odd_words

T = TypeVar("T")


class Failed(Exception):
    """A program failed; its output must be redacted before it is shown."""

    def __init__(
        self, name: str, words: Sequence[str], code: int, output: bytes, said: bytes
    ) -> None:
        super().__init__("a program failed")
        self.name, self.words = name, words
        self.code, self.output, self.said = code, output, said


class Runner:
    """Serves the sources of one run; its programs and their children end at the deadline."""

    def __init__(
        self,
        environ: Mapping[str, str],
        deadline: float,
        references: Sequence[Reference],
        age_key_file: str | None = None,
    ) -> None:
        """Set the references of the run, one for each origin."""
        self.environ, self.age_key_file = environ, age_key_file
        self._deadline, self._references = deadline, references
        self._known = Redactor()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._guard = threading.Lock()
        self._shared: dict[str, Future[Any]] = {}
        self._has_ended = False

    def arguments(self, kind: str) -> list[Any]:
        """Return the references of this run to a kind of source."""
        return [of.argument for of in self._references if of.kind == kind]

    def once(self, kind: str, make: Callable[[], T]) -> T:
        """Return the result of `make`, called once; other callers wait for it, or its failure."""
        with self._guard:
            is_first = kind not in self._shared
            shared: Future[T] = self._shared.setdefault(kind, Future())
        if is_first:
            try:
                shared.set_result(make())
            except BaseException as error:
                shared.set_exception(error)
        return shared.result()

    def output(
        self, words: Sequence[str], name: str, when_late: str, given: bytes | None = None
    ) -> bytes:
        """Return the output of a program; it gets the environment, and only the given input.

        Raises:
            Failed: it ended with a code other than 0.
            UsageError: it cannot be run, or misses the deadline: then `when_late` is the hint.
        """
        output, said, code = self._run(words, name, when_late, given)
        if code:
            raise Failed(name, words, code, output, said)
        return output

    def _run(
        self, words: Sequence[str], name: str, when_late: str, given: bytes | None
    ) -> tuple[bytes, bytes, int]:
        process = _started(words, name, self.environ, reads=given is not None)
        self._running.add(process)
        if self._has_ended:
            _kill(process)
        try:
            output, said = process.communicate(given, timeout=self._deadline)
        except subprocess.TimeoutExpired:
            _kill(process)
            # A process that left the command's session may still hold its output: do not wait.
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=1)
            message = f"{name} gave no answer in {self._deadline:g} s"
            raise UsageError(message, hint=when_late) from None
        finally:
            self._running.discard(process)
        return output, said, process.returncode

    def end(self) -> None:
        """End the running programs, and any that is started later."""
        self._has_ended = True
        for process in tuple(self._running):
            _kill(process)

    def learn(self, value: str) -> None:
        """Mask a value in every failure from now on."""
        self._known.learn(value)

    def told(self, failure: Failed, place: Place, *, complete: bool) -> InventoryError:
        """Return a failure as an error, without any secret that this run knows.

        The output of the program is included only if everything it asked for is `complete`.
        """
        message = f"{failure.name} failed with exit {failure.code}"
        if not complete:
            return InventoryError(message, hint="run it by itself to see its output", where=place)
        said = self._redacted(failure)
        return InventoryError(f"{message}: {said}" if said else message, where=place)

    def _redacted(self, failure: Failed) -> str:
        """Return the end of the output, without any secret that the program could know.

        Its own secret is not known, so anything that looks like a key or a token is masked too.
        """
        named = [value for name, value in self.environ.items() if holds_credential(name)]
        lines = failure.output.decode(errors="replace").splitlines()
        for text in (*named, *_credentials(failure.words[1:]), *lines):
            self._known.learn(text)
        said = without_odd_words(self._known(failure.said.decode(errors="replace")))
        return " ".join(said.split())[-300:]


def _started(
    words: Sequence[str], name: str, environ: Mapping[str, str], *, reads: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(words),
            env=dict(environ),
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "an argument has a NUL"
        raise UsageError(f"{name} cannot be run: {reason}", hint=_lacks(words[0], error)) from None


def _lacks(program: str, error: Exception) -> str:
    """Return the hint if there is no such program: its store was not even asked."""
    if not isinstance(error, FileNotFoundError):
        return ""
    if "/" in program:
        return f"{program} does not exist, or the interpreter in its first line does not"
    return f"{program} is not installed or not on PATH"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _credentials(words: Sequence[str]) -> Iterable[str]:
    """Yield the words of a command that follow an option with the name of a credential."""
    before = ""
    for word in words:
        name, _, value = word.partition("=")
        if holds_credential(name):
            yield value
        if holds_credential(before):
            yield word
        before = word
