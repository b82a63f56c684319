"""For developers: checks, tests, measurements."""

from __future__ import annotations

import subprocess
import sys

from hermes_ops.errors import CommandError
from hermes_ops.tasks import checking
from hermes_ops.tasks.options import Option, Options
from hermes_ops.tasks.output import Output
from hermes_ops.tasks.step import verb
from hermes_ops.tasks.workspace import ROOT


def _tool(output: Output, module: str, *words: str) -> None:
    output.note(f"$ {module} {' '.join(words)}".rstrip())
    ended = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=ROOT, check=False, stdin=subprocess.DEVNULL
    )
    if ended.returncode:
        raise CommandError(f"{module} failed with exit code {ended.returncode}")


@verb(common=(), example="./inv dev.check")
def check(_options: Options, output: Output, *, results: str | None = None) -> None:
    """Format, lint, types, floors, shell, spelling and the quick tests: under half a minute."""
    checking.run([*checking.tools(), checking.quick_tests(results)], output)


@verb(common=(), example="./inv dev.fix")
def fix(_options: Options, output: Output) -> None:
    """Format, and mend what the linter can mend."""
    _tool(output, "ruff", "check", "--fix", ".")
    _tool(output, "ruff", "format", ".")


@verb(
    common=(),
    options=(
        Option("junit", "write the results into this folder, as JUnit XML: quick.xml, hosts.xml"),
        Option(
            "require_lab", "fail where the lab cannot run, instead of skipping its tests", False
        ),
        Option("only", "run only what matches this, as pytest -k"),
        Option("quick", "run only the quick tests that need nothing but this checkout", False),
        Option("python", "run only these, as root in a Debian that has it: 3.14, 3.13 or newest"),
    ),
    example="./inv dev.test",
)
def test(
    _options: Options,
    output: Output,
    *,
    junit: str | None,
    require_lab: bool,
    only: str | None,
    quick: bool,
    python: str | None,
) -> None:
    """Everything: the checks, then the slower tests and those on real hosts of the lab."""
    from hermes_ops import lab
    from hermes_ops.tasks import testing

    if python:
        testing.elsewhere(python, junit, output)
        return
    if quick:
        checking.run([checking.quick_tests(junit)], output)
        return
    testing.prepare(output.note)
    if require_lab and (reason := lab.why_not()):
        raise CommandError(f"the lab cannot run here: {reason}")
    if not only:
        check.body(_options, output, results=junit)
    words = ["-k", only] if only else ["-m", "lab or slow"]
    _tool(output, "pytest", "tests", *words, *checking.junit(junit, "hosts"))


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
