"""Questions to the operator; without a terminal and without `-y` they are usage errors."""

from __future__ import annotations

import sys

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import shown
from hermes_ops.errors import Interrupted, UsageError


def confirm(question: str, options: Options) -> None:
    """Ask; any answer but yes ends the task before anything was changed."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} — there is no terminal to ask on", hint="answer yes with -y")
    sys.stderr.write(f"{shown(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Interrupted("nothing was changed")
