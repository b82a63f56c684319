"""Edit a secret in an editor: its file is in memory if possible, and is removed afterwards."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hermes_ops.errors import CommandError, Interrupted, UsageError


def edited(name: str, value: str) -> str:
    """Return a value as a person has edited it.

    Raises:
        UsageError: there is no editor, or the edited file is empty or not a text.
        CommandError: the editor failed.
    """
    words = editor_words(instead="secrets.set")
    with _folder() as folder:
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(f"{value}\n", encoding="utf-8")
        _run([*words, str(file)])
        return _read(file, name)


def editor_words(*, instead: str) -> list[str]:
    """Return the command of the user's editor, as words.

    Raises:
        UsageError: no editor is named or found, or the named one is not a command. The hint names
            `instead`, a task that needs no editor.
    """
    named = filter(None, (os.environ.get(name, "").strip() for name in ("VISUAL", "EDITOR")))
    if editor := next(named, None):
        try:
            return shlex.split(editor)
        except ValueError:
            hint = "see $VISUAL and $EDITOR"
            said = f"the editor {editor!r} has a quote that is not closed"
            raise UsageError(said, hint=hint) from None
    found = next(filter(shutil.which, ("sensible-editor", "nano", "vi")), None)
    if found is None or not sys.stdin.isatty():
        hint = f"name an editor in $EDITOR, or use {instead}"
        raise UsageError("there is no editor, or no terminal for one", hint=hint)
    return [found]


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder that only its owner can enter; remove it afterwards with everything in it."""
    with _ending_by_signal():
        # This also removes what the editor left beside the file: backups, swap files.
        folder = Path(tempfile.mkdtemp(prefix="hermes-ops-", dir=_memory()))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _memory() -> str | None:
    """Return a folder whose files are in memory, not on a disk, if there is one."""
    for folder in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):  # noqa: S108 - a folder of ours in it
        if folder and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception in this block, so that it can clean up."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(f"ended by {signal.Signals(number).name}; nothing was changed")

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(words: list[str]) -> None:
    # Ctrl-C is for the editor. A handler, not SIG_IGN: the editor would inherit that.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = _ended(words)
    finally:
        signal.signal(signal.SIGINT, before)
    if code:
        raise CommandError(f"the editor ended with exit {code}: nothing was changed")


def _ended(words: list[str]) -> int:
    """Return the exit code of the editor; on an exception, end the editor first."""
    process, caught = _started(words)
    try:
        for number in caught:
            signal.raise_signal(number)
        return process.wait()
    except BaseException:
        _end(process)
        raise


def _started(words: list[str]) -> tuple[subprocess.Popen[bytes], list[int]]:
    """Start the editor; return it, and the signals that arrived during the start."""
    caught: list[int] = []
    ending = (signal.SIGTERM, signal.SIGHUP)
    before = {n: signal.signal(n, lambda number, _: caught.append(number)) for n in ending}
    try:
        return subprocess.Popen(words), caught
    except OSError as error:
        raise UsageError(f"the editor {words[0]!r} cannot be run: {error.strerror}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the editor before its folder is removed: it could write there again."""
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read(file: Path, name: str) -> str:
    try:
        text = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        raise UsageError("the editor left no text: nothing was changed") from None
    if not text:
        raise UsageError(f"{name} is empty now: nothing was changed")
    return text
