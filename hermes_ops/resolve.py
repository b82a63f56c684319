"""Turn references into the secrets they stand for: once a run, in parallel, each with a deadline.

This is the only place where reading an inventory may run a command, and it runs none but those
that a `{command: […]}` names, and our own that asks the keyring.
"""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hermes_ops import agefile
from hermes_ops.errors import InventoryError, UsageError
from hermes_ops.inventory import Reference
from hermes_ops.secret import SHOWN, Redactor, Secret

KINDS = ("env", "file", "command", "age", "keyring")
DEADLINE = 30.0
MOST_AT_ONCE = 16
LARGEST = 1024 * 1024

_CREDENTIAL = re.compile(r"(TOKEN|KEY|SECRET|PASS|PASSWORD|PASSPHRASE|CREDENTIALS?|AUTH)$", re.I)
_ODD_WORD = re.compile(r"(?=[\w+=-]*[0-9])(?=[\w+=-]*[A-Za-z])[\w+=-]{20,}", re.ASCII)

Learn = Callable[[Secret], None]
_Source = tuple[str, str | tuple[str, ...]]


def resolve(
    references: Iterable[Reference],
    environ: Mapping[str, str],
    *,
    deadline: float = DEADLINE,
    age_key_file: str | None = None,
    learn: Learn = lambda _: None,
) -> dict[Reference, Secret]:
    """Return the secret of each reference; the first that has none is an `InventoryError`.

    References with the same source are asked for once. `learn` is told each secret as soon as it
    is known, so that no error of another one shows it.
    """
    wanted = list(dict.fromkeys(references))
    asked = _distinct(wanted)
    asking = _Asking(environ, deadline, age_key_file, list(asked.values()))
    with _pool(asking, learn) as pool:
        answers = {key: pool.submit(_asked, asking, of, learn) for key, of in asked.items()}
        try:
            return {reference: answers[source(reference)].result() for reference in wanted}
        except BaseException:
            # Also at Ctrl-C: nobody waits for commands whose answer is of no use any more.
            pool.shutdown(wait=False, cancel_futures=True)
            asking.end()
            raise


def attempt(
    references: Iterable[Reference],
    environ: Mapping[str, str],
    *,
    deadline: float = DEADLINE,
    age_key_file: str | None = None,
    learn: Learn = lambda _: None,
) -> dict[Reference, Secret | InventoryError]:
    """Return of each reference its secret, or why it has none: for those who show, not apply."""
    wanted = list(dict.fromkeys(references))
    asked = _distinct(wanted)
    asking = _Asking(environ, deadline, age_key_file, list(asked.values()))

    def tried(reference: Reference) -> Secret | InventoryError:
        try:
            return _asked(asking, reference, learn)
        except InventoryError as error:
            return error

    with _pool(asking, learn) as pool:
        answers = dict(zip(asked, pool.map(tried, asked.values()), strict=True))
    return {reference: answers[source(reference)] for reference in wanted}


def _distinct(wanted: Sequence[Reference]) -> dict[_Source, Reference]:
    """Return the first reference to each source."""
    found: dict[_Source, Reference] = {}
    for reference in wanted:
        found.setdefault(source(reference), reference)
    return found


def _pool(asking: _Asking, learn: Learn) -> ThreadPoolExecutor:
    """Return where references are asked for side by side; what is at hand is learned before."""
    for reference in asking.instant:
        learn(asking.secret(reference))
    return ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, len(asking.references) or 1))


def source(reference: Reference) -> _Source:
    """Return what two references share that lead to the same secret."""
    return (reference.kind, reference.argument)


def _asked(asking: _Asking, reference: Reference, learn: Learn) -> Secret:
    secret = asking.secret(reference)
    learn(secret)
    return secret


class _Asking:
    """What the readers of one run share: environment, deadline, keys, and what still runs."""

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
        self._running: set[subprocess.Popen[bytes]] = set()
        self._once = threading.Lock()
        self._identities: Sequence[Any] = ()
        self._keyring: Mapping[str, Mapping[str, str]] = {}

    @property
    def instant(self) -> list[Reference]:
        """Return the references whose secrets other ones' programs may know and tell."""
        return [
            r for r in self.references if r.kind == "env" and self._environ.get(str(r.argument))
        ]

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
            words = reference.argument[1:]
            raise _failed(reference, code, _redacted(errors, output, words, self._environ))
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
        output, errors, code = self._run(reference, [sys.executable, "-I", program], question)
        if code:
            said = _redacted(errors, b"", (), self._environ)
            raise _error(reference, f"the keyring cannot be asked: {said}")
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


def _failed(reference: Reference, code: int, said: str) -> InventoryError:
    message = f"{described(reference)} failed with exit {code}"
    return _error(reference, f"{message}: {said}" if said else message)


def _no_entry(reference: Reference, why: str) -> InventoryError:
    service, _, user = str(reference.argument).rpartition("/")
    if why == "missing":
        message = f"the keyring has no entry {service!r} of user {user!r}"
        return _error(reference, message, f"keyring set {service} {user}")
    message, hint = _KEYRING_ERRORS.get(why, (f"the keyring {why}", ""))
    return _error(reference, message, hint)


_KEYRING_ERRORS = {
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


def _redacted(
    errors: bytes, output: bytes, words: Sequence[str], environ: Mapping[str, str]
) -> str:
    """Return the end of what a failed command said, without any secret that it could know.

    What it was to tell is not known, so whatever looks like a key or a token is masked too.
    """
    redact = Redactor()
    for name, value in environ.items():
        if _CREDENTIAL.search(name):
            redact.learn(value)
    for text in (*_credentials(words), *output.decode(errors="replace").splitlines()):
        redact.learn(text)
    said = _ODD_WORD.sub(SHOWN, redact(errors.decode(errors="replace"))).split()
    return " ".join(said)[-300:]


def _credentials(words: Sequence[str]) -> Iterable[str]:
    """Yield the words of a command that stand behind an option of such a name."""
    before = ""
    for word in words:
        name, _, value = word.partition("=")
        if _CREDENTIAL.search(name):
            yield value
        if _CREDENTIAL.search(before):
            yield word
        before = word
