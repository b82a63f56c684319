"""`dev.check`, `dev.fix` and `dev.test`: what says whether the project is whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

from hermes_ops import lab
from hermes_ops.assets import CLONE
from hermes_ops.cli.output import Output
from hermes_ops.commands.dev import tools
from hermes_ops.commands.dev.hermes_python import hermes_python
from hermes_ops.errors import CommandError

PROGRAMS = {"bash": "bash", "busybox": "busybox", "dash": "dash", "systemd-analyze": "systemd"}
"""A program for each package of Debian that tests ask, whether they are in the lab or not."""


def check(output: Output, *, results: str | None = None) -> None:
    """Run all tools and the quick tests; with a folder for `results`, quick.xml is left there."""
    tools.run([*tools.tools(), tools.quick_tests(results)], output)


def fix(output: Output) -> None:
    """Format, and mend what the linter can mend."""
    _tool(output, "ruff", "check", "--fix", ".")
    _tool(output, "ruff", "format", ".")


def test(output: Output, *, junit: str | None, require_lab: bool, only: str | None) -> None:
    """Run the checks, then the slower tests and those on real hosts of the lab."""
    _prepare(output.note)
    if require_lab and (reason := lab.why_not()):
        raise CommandError(f"the lab cannot run here: {reason}")
    if not only:
        check(output, results=junit)
    words = ["-k", only] if only else ["-m", "lab or slow"]
    _tool(output, "pytest", "tests", *words, *tools.junit(junit, "hosts"))


def quick(output: Output, junit: str | None) -> None:
    """Run only the quick tests that need nothing but this checkout."""
    tools.run([tools.quick_tests(junit)], output)


def _prepare(say: Callable[[str], None]) -> None:
    """Get all that is missing, if that can be had, and let the tests know."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        lab.install_packages(say)
        lab.install_packages(say, PROGRAMS)
    os.environ["HERMES_OPS_TEST_HERMES_PYTHON"] = hermes_python(say)
    os.environ["HERMES_OPS_TEST_THOROUGH"] = "1"


def _tool(output: Output, module: str, *words: str) -> None:
    output.note(f"$ {module} {' '.join(words)}".rstrip())
    ended = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=CLONE, check=False, stdin=subprocess.DEVNULL
    )
    if ended.returncode:
        raise CommandError(f"{module} failed with exit code {ended.returncode}")
