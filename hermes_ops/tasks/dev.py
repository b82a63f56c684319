"""For developers: checks, tests, measurements."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hermes_ops.errors import CommandError
from hermes_ops.tasks.options import Option, Options
from hermes_ops.tasks.output import Output
from hermes_ops.tasks.step import verb
from hermes_ops.tasks.workspace import ROOT


def _tool(output: Output, module: str, *words: str) -> None:
    output.note(f"$ {module} {' '.join(words)}".rstrip())
    _run([sys.executable, "-m", module, *words], module)


def _run(words: Sequence[str], name: str) -> None:
    ended = subprocess.run(list(words), cwd=ROOT, check=False, stdin=subprocess.DEVNULL)
    if ended.returncode:
        raise CommandError(f"{name} failed with exit code {ended.returncode}")


@verb(common=(), example="./inv dev.check")
def check(_options: Options, output: Output) -> None:
    """Format, lint, types, floors, and the quick tests: under half a minute."""
    _tool(output, "ruff", "format", "--check", ".")
    _tool(output, "ruff", "check", ".")
    _tool(output, "mypy")
    output.note("$ lint-imports")
    _run([str(Path(sys.prefix) / "bin" / "lint-imports")], "import-linter")
    _tool(output, "pytest", "-q", "-n", "auto", "-m", "not lab and not slow", "tests")


@verb(common=(), example="./inv dev.fix")
def fix(_options: Options, output: Output) -> None:
    """Format, and mend what the linter can mend."""
    _tool(output, "ruff", "check", "--fix", ".")
    _tool(output, "ruff", "format", ".")


@verb(
    common=(),
    options=(
        Option("junit", "write the results to this file, as JUnit XML"),
        Option(
            "require_lab", "fail where the lab cannot run, instead of skipping its tests", False
        ),
        Option("only", "run only what matches this, as pytest -k"),
    ),
    example="./inv dev.test",
)
def test(
    _options: Options, output: Output, *, junit: str | None, require_lab: bool, only: str | None
) -> None:
    """Everything: the checks, then the slower tests and those on real hosts of the lab."""
    from hermes_ops import lab
    from hermes_ops.tasks.testing import hermes_python

    if lab.why_not() and os.geteuid() == 0:
        lab.install_packages(output.note)
    if require_lab and (reason := lab.why_not()):
        raise CommandError(f"the lab cannot run here: {reason}")
    os.environ["HERMES_OPS_TEST_HERMES_PYTHON"] = hermes_python(output.note)
    os.environ["HERMES_OPS_TEST_THOROUGH"] = "1"
    if not only:
        check.body(_options, output)
    words = ["-k", only] if only else ["-m", "lab or slow"]
    _tool(output, "pytest", "tests", *words, *([f"--junit-xml={junit}"] if junit else []))


@verb(
    common=(),
    options=(
        Option("hosts", "how many hosts (10)", "10"),
        Option("profiles", "how many profiles on each (3)", "3"),
    ),
    example="./inv dev.bench",
)
def bench(_options: Options, output: Output, *, hosts: str, profiles: str) -> None:
    """Measure on the lab, as ratios in one run: first apply, no change, the floor."""
    from hermes_ops.tasks.benching import run
    from hermes_ops.tasks.options import whole

    run(output, hosts=whole("hosts", hosts), profiles=whole("profiles", profiles))
