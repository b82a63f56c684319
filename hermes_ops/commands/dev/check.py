"""`dev.check`, `dev.fix` and `dev.test`: check and test the project."""

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
"""Programs that tests need, in the lab or outside, each with the Debian package that has it."""


LABS = 2
"""How many labs the tests have at once, where there is the memory."""
LAB_MEMORY = 6 << 30
"""Bytes that a lab with all its gateways may need, with what runs beside it."""


def check(output: Output, *, results: str | None = None) -> None:
    """Run all tools and the quick tests; with a folder for `results`, write quick-N.xml there."""
    tools.run([*tools.tools(), *tools.quick_tests(results)], output)


def fix(output: Output) -> None:
    """Format, and let the linter fix what it can."""
    _tool(output, "ruff", "check", "--fix", ".")
    _tool(output, "ruff", "format", ".")


def test(
    output: Output, *, junit: str | None, require_lab: bool, only: str | None, macs: bool
) -> None:
    """Run the checks, then the slower tests, and the tests on real hosts of the lab.

    `only`: of all these, what pytest selects by this name. `macs`: only those of simulated Macs.
    """
    _prepare(output.note)
    if require_lab and (reason := lab.why_not()):
        raise CommandError(f"the lab cannot run here: {reason}")
    if only or macs:
        words = [*(("-k", only) if only else ()), *(("-m", "mac", *_labs()) if macs else ())]
        _tool(output, "pytest", "tests", *words, *tools.junit(junit, "hosts"))
        return
    check(output, results=junit)
    tools.run([tools.slow_tests(junit)], output)
    _tool(output, "pytest", "tests", "-m", "lab", *_labs(), *tools.junit(junit, "hosts"))


def quick(output: Output, junit: str | None) -> None:
    """Run only the quick tests that need nothing but this checkout."""
    tools.run(tools.quick_tests(junit), output)


def _labs() -> tuple[str, ...]:
    """Return the options for labs side by side: their tests mostly wait.

    The tests of a file share hosts, so they stay together.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    enough = memory // LAB_MEMORY >= LABS and (os.cpu_count() or 1) >= LABS
    return ("-n", str(LABS), "--dist", "loadfile") if enough else ()


def _prepare(say: Callable[[str], None]) -> None:
    """Install what is missing, where possible, and tell the tests where it is."""
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
