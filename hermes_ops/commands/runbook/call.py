"""Another process of this very program: how a command of a runbook is run, without a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from hermes_ops.cli.output import Output
from hermes_ops.errors import Interrupted
from hermes_ops.program_name import handed_on


def called(words: Sequence[str], output: Output) -> int:
    """Run the program with these words on the same terminal, and return its exit code.

    Without a terminal it has no input: what asks there ends with 64. With `--json` its answers go
    to standard error.
    """
    # The same modules, whatever lies in the working folder or stands in the environment.
    program = f"import sys; sys.path[:] = {sys.path!r}\n{_MAIN}"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program, *words],
        env={**os.environ, **handed_on()},
        stdin=None if sys.stdin.isatty() else subprocess.DEVNULL,
        stdout=sys.stderr.fileno() if output.json else None,
    ) as process:
        code = _ended(process)
    return code if code >= 0 else 128 - code


_MAIN = "from hermes_ops.entry import main; main()"


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Return how a process ended; after an interrupt, when it has told what it did."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        # Ctrl-C reaches all that the terminal started; SIGTERM came to us alone.
        if Interrupted.exit_code != 130:
            process.terminate()
        process.wait()
        raise
