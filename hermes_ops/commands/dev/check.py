"""`dev.check`, `dev.fix` and `dev.test`: the tools that say whether the project is whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hermes_ops import lab
from hermes_ops.assets import CLONE
from hermes_ops.cli.output import Output
from hermes_ops.commands.dev.hermes_python import hermes_python
from hermes_ops.errors import CommandError


def check(output: Output) -> None:
    """Format, lint, types, floors, and the quick tests: under half a minute."""
    _tool(output, "ruff", "format", "--check", ".")
    _tool(output, "ruff", "check", ".")
    _tool(output, "mypy")
    output.note("$ lint-imports")
    _run([str(Path(sys.prefix) / "bin" / "lint-imports")], "import-linter")
    _tool(
        output,
        "pytest",
        "-q",
        "-n",
        "auto",
        "--dist",
        "loadgroup",
        "-m",
        "not lab and not slow",
        "tests",
    )


def fix(output: Output) -> None:
    """Format, and mend what the linter can mend."""
    _tool(output, "ruff", "check", "--fix", ".")
    _tool(output, "ruff", "format", ".")


def test(output: Output, *, junit: str | None, require_lab: bool, only: str | None) -> None:
    """Everything: the checks, then the slower tests and those on real hosts of the lab."""
    if lab.why_not() and os.geteuid() == 0:
        lab.install_packages(output.note)
    if require_lab and (reason := lab.why_not()):
        raise CommandError(f"the lab cannot run here: {reason}")
    os.environ["HERMES_OPS_TEST_HERMES_PYTHON"] = hermes_python(output.note)
    os.environ["HERMES_OPS_TEST_THOROUGH"] = "1"
    if not only:
        check(output)
    words = ["-k", only] if only else ["-m", "lab or slow"]
    _tool(output, "pytest", "tests", *words, *([f"--junit-xml={junit}"] if junit else []))


def _tool(output: Output, module: str, *words: str) -> None:
    output.note(f"$ {module} {' '.join(words)}".rstrip())
    _run([sys.executable, "-m", module, *words], module)


def _run(words: Sequence[str], name: str) -> None:
    ended = subprocess.run(list(words), cwd=CLONE, check=False, stdin=subprocess.DEVNULL)
    if ended.returncode:
        raise CommandError(f"{name} failed with exit code {ended.returncode}")
