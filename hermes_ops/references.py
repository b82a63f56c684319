"""How each kind of reference is read: the environment, a file, a command, age, a keyring.

This is the only place where reading an inventory may run a command, and it runs none but those
that a `{command: […]}` names, and our own that asks the keyring.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hermes_ops import agefile, extras
from hermes_ops.errors import InventoryError, UsageError
from hermes_ops.inventory import Reference
from hermes_ops.secret import Redactor, Secret, promises_secret, without_odd_words

KINDS = ("env", "file", "command", "age", "keyring")
LARGEST = 1024 * 1024


class Failed(Exception):
    """A command failed; what it said is not for anybody's eyes before it is redacted."""

    def __init__(self, reference: Reference, code: int, output: bytes, said: bytes) -> None:
        super().__init__("a command failed")
        self.reference, self.code, self.output, self.said = reference, code, output, said


class Reader:
    """Reads the references of one run; what they share is asked for once."""

    def __init__(
        self,
        environ: Mapping[str, str],
        deadline: float,
        age_key_file: str | None,
        references: Sequence[Reference],
    ) -> None:
        self._environ = environ
        self._deadline = deadline
        self._age_key_file = age_key_file
        self.references = references
        self._known = Redactor()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._once = threading.Lock()
        self._identities: Sequence[Any] = ()
        self._keyring: Mapping[str, Mapping[str, str]] = {}

    def secret(self, reference: Reference) -> Secret:
        """Return the secret; `Failed` or an `InventoryError` says why there is none."""
        value = self._value(reference)
        if not value:
            raise _error(reference, f"{described(reference)} gave nothing")
        self._known.learn(value)
        return Secret(value)

    def told(self, failure: Failed, *, complete: bool) -> InventoryError:
        """Return a failure as an error, without any secret that this run knows.

        Unless all that it asked for is `complete`, what the command said is not repeated.
        """
        reference = failure.reference
        message = f"{described(reference)} failed with exit {failure.code}"
        if not complete:
            return _error(reference, message, "run it by itself to see what it says")
        said = self._redacted(failure)
        return _error(reference, f"{message}: {said}" if said else message)

    def _redacted(self, failure: Failed) -> str:
        """Return the end of what was said, without any secret that the command could know.

        What it was to tell is not known, so whatever looks like a key or a token is masked too.
        """
        named = [value for name, value in self._environ.items() if promises_secret(name)]
        words = _credentials(failure.reference.argument[1:])
        lines = failure.output.decode(errors="replace").splitlines()
        for text in (*named, *words, *lines):
            self._known.learn(text)
        said = without_odd_words(self._known(failure.said.decode(errors="replace")))
        return " ".join(said.split())[-300:]

    def end(self) -> None:
        """End the commands that still run."""
        for process in tuple(self._running):
            _kill(process)

    def _value(self, reference: Reference) -> str:
        match reference.kind:
            case "env":
                return _from_environment(reference, self._environ)
            case "file":
                return _text(reference, _content(reference))
            case "command":
                return self._from_command(reference)
            case "age":
                return self._from_age(reference)
            case "keyring":
                return self._from_keyring(reference)
        message = f"{reference.kind!r} is no known kind of reference"
        raise _error(reference, message, f"known are: {', '.join(KINDS)}")

    def _from_command(self, reference: Reference) -> str:
        output, errors, code = self._run(reference, list(reference.argument))
        if code:
            raise Failed(reference, code, output, errors)
        return _text(reference, output)

    def _run(
        self, reference: Reference, words: Sequence[str], given: bytes | None = None
    ) -> tuple[bytes, bytes, int]:
        """Run a program until it ends, or until the deadline with all that it started."""
        process = _started(reference, words, self._environ, reads=given is not None)
        self._running.add(process)
        try:
            output, errors = process.communicate(given, timeout=self._deadline)
        except subprocess.TimeoutExpired:
            _kill(process)
            # What left the command's session may still hold its output: not waited for.
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=1)
            raise _too_slow(reference, self._deadline) from None
        finally:
            self._running.discard(process)
        return output, errors, process.returncode

    def _from_age(self, reference: Reference) -> str:
        argument = str(reference.argument)
        inline = agefile.is_armored(argument)
        content = argument.encode() if inline else _content(reference)
        try:
            with self._once:
                self._identities = self._identities or agefile.identities(
                    agefile.key_files(self._age_key_file, self._environ)
                )
            return _text(reference, agefile.decrypt(content, self._identities), exact=inline)
        except UsageError as error:
            if error.where == str(reference.place):
                raise
            where = f"{error.where}: " if error.where else ""
            raise _error(reference, f"{where}{error.message}", error.hint) from None

    def _from_keyring(self, reference: Reference) -> str:
        """Return an entry; the first that is asked for asks for all, for one program is enough."""
        with self._once:
            self._keyring = self._keyring or self._asked_keyring(reference)
        answer = self._keyring[str(reference.argument)]
        if "value" in answer:
            return answer["value"]
        raise _no_entry(reference, answer["error"])

    def _asked_keyring(self, reference: Reference) -> dict[str, Mapping[str, str]]:
        entries = [str(r.argument) for r in self.references if r.kind == "keyring"]
        program = str(Path(__file__).with_name("askkeyring.py"))
        question = json.dumps([entry.rpartition("/")[::2] for entry in entries]).encode()
        output, _, code = self._run(reference, [sys.executable, "-I", program], question)
        if code:
            raise _error(reference, f"the keyring cannot be asked: its program ended with {code}")
        return dict(zip(entries, json.loads(output), strict=True))


def described(reference: Reference) -> str:
    """Name the source of a secret; of a command only the program, for words may be secret."""
    argument = reference.argument
    if reference.kind == "age" and agefile.is_armored(str(argument)):
        return "the age text"
    return f"{reference.kind} {argument if isinstance(argument, str) else argument[0]}"


def _error(reference: Reference, message: str, hint: str = "") -> InventoryError:
    return InventoryError(message, hint=hint, where=reference.place)


def _too_slow(reference: Reference, deadline: float) -> InventoryError:
    if reference.kind == "keyring":
        message = f"the keyring gave no answer in {deadline:g} s"
        return _error(reference, message, "it may be locked, and asking somebody: unlock it first")
    message = f"{described(reference)} gave no answer in {deadline:g} s"
    return _error(reference, message, "its stdin is closed: it cannot ask anything")


def _no_entry(reference: Reference, why: str) -> InventoryError:
    service, _, user = str(reference.argument).rpartition("/")
    if why == "missing":
        message = f"the keyring has no entry {service!r} of user {user!r}"
        return _error(reference, message, f"keyring set {service} {user}")
    message, hint = _KEYRING_ERRORS.get(why, (f"the keyring {why}", ""))
    return _error(reference, message, hint)


_KEYRING_ERRORS = {
    "absent": (
        "is in the system's keyring; reading it needs the Python package keyring",
        extras.install("keyring"),
    ),
    "backend": (
        "no keyring works here",
        "start the desktop's secret service, or install a backend and name it in"
        " $PYTHON_KEYRING_BACKEND",
    ),
    "locked": ("the keyring is locked", "unlock it, then run again"),
}


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


def _content(reference: Reference) -> bytes:
    path = Path(str(reference.argument))
    try:
        # A pipe could keep us waiting for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise _error(reference, f"{path} is not a regular file")
        with path.open("rb") as stream:
            return stream.read(LARGEST + 1)
    except OSError as error:
        raise _error(reference, f"{path} cannot be read: {error.strerror}") from None


def _started(
    reference: Reference, words: Sequence[str], environ: Mapping[str, str], *, reads: bool
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
        reason = error.strerror if isinstance(error, OSError) else "its words have a NUL"
        message = f"{described(reference)} cannot be run: {reason}"
        raise _error(reference, message) from None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _text(reference: Reference, content: bytes, *, exact: bool = False) -> str:
    """Return the content without the newline at its end, which editors and programs add."""
    if len(content) > LARGEST:
        raise _error(reference, f"{described(reference)} is larger than 1 MiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _error(reference, f"{described(reference)} is not UTF-8 text") from None
    return text if exact else text.removesuffix("\n").removesuffix("\r")


def _credentials(words: Sequence[str]) -> Iterable[str]:
    """Yield the words of a command that stand behind an option of such a name."""
    before = ""
    for word in words:
        name, _, value = word.partition("=")
        if promises_secret(name):
            yield value
        if promises_secret(before):
            yield word
        before = word
