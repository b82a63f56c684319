"""Run a program on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hermes_ops.errors import CommandError


def run(
    argv: Sequence[str | Path],
    *,
    input: str = "",
    env: Mapping[str, str] | None = None,
    name: str = "",
    hint: str = "",
) -> str:
    """Return the output of `argv`; a failure is a CommandError with the end of the output.

    `name` is for the error message, if the first word of `argv` would not be clear.
    """
    done = _run(argv, input, env)
    if done.returncode:
        said = tail(done.stderr or done.stdout)
        raise CommandError(f"{name or argv[0]} failed (exit {done.returncode}): {said}", hint=hint)
    return done.stdout


def tail(text: str, lines: int = 5) -> str:
    """Return the last lines of `text` that are not empty."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def _run(
    argv: Sequence[str | Path], input: str, env: Mapping[str, str] | None
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv,
            input=input,
            env=env,
            capture_output=True,
            text=True,
            errors="replace",
            umask=0o022,  # other users inside a host read the files that are created here
            check=False,
        )
    except FileNotFoundError:
        raise CommandError(f"this machine has no program '{argv[0]}'") from None
