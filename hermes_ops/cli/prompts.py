"""Questions to the operator; without a terminal, an unanswered one is a usage error."""

from __future__ import annotations

import sys

from hermes_ops.cli.options import Options
from hermes_ops.errors import Interrupted, UsageError


def confirm(question: str, options: Options) -> None:
    """Ask; anything but yes ends the task with nothing touched."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} — nobody is here to answer", hint="say it with -y")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Interrupted("nothing was changed")
