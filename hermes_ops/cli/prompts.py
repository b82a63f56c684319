"""Questions to the operator; without a terminal and without `-y` they are usage errors."""

from __future__ import annotations

import sys
from getpass import getpass

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import shown
from hermes_ops.errors import Interrupted, UsageError
from hermes_ops.secrets.secret import Secret


def confirm_typed(word: str, question: str, options: Options) -> None:
    """Ask for this word to be typed; any other answer ends the task before anything was changed."""
    word = word.strip()  # so is what is typed
    if options.yes:
        return
    if not sys.stdin.isatty():
        message = f"{question} — there is no terminal to type {word!r} on"
        raise UsageError(message, hint="answer with -y")
    sys.stderr.write(f"{shown(question)}\nType {shown(word)} to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != word:
        raise Interrupted("nothing was changed")


def confirm(question: str, options: Options) -> None:
    """Ask; any answer but yes ends the task before anything was changed."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} — there is no terminal to ask on", hint="answer yes with -y")
    if answer(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise Interrupted("nothing was changed")


def password(question: str, option: str, instead: str) -> Secret:
    """Ask for a password, which nobody sees; `instead` says how to do without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError(f"{option} needs a terminal to ask on", hint=instead)
    return Secret(getpass(question))


def answer(question: str) -> str:
    """Ask on the terminal, and return the line that was typed; no line end: no more comes."""
    sys.stderr.write(shown(question))
    sys.stderr.flush()
    return sys.stdin.readline()
