"""For developers: check, test and measure the project."""

from __future__ import annotations

from pathlib import Path

from hermes_ops.cli.options import ANSWER, Option, Options, whole
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb


@verb(common=(), example="./inv dev.check")
def check(_options: Options, output: Output) -> None:
    """Check format, lint, types, floors, shell and spelling, and run the quick tests (30 s)."""
    from hermes_ops.commands.dev import check as command

    command.check(output)


@verb(common=(), example="./inv dev.fix")
def fix(_options: Options, output: Output) -> None:
    """Format, and let the linter fix what it can."""
    from hermes_ops.commands.dev import check as command

    command.fix(output)


@verb(
    common=(),
    options=(
        Option(
            "junit",
            "write the results into this folder as JUnit XML, a file for each suite",
        ),
        Option(
            "require_lab", "fail where the lab cannot run, instead of skipping its tests", False
        ),
        Option("only", "run only what matches this, as pytest -k"),
        Option("quick", "run only the quick tests that need nothing but this checkout", False),
        Option("macs", "run only the tests of the lab's simulated Macs", False),
        Option("python", "the same, as root in a Debian with this Python: 3.14, 3.13 or newest"),
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
    macs: bool,
    python: str | None,
) -> None:
    """Run the checks, then the slower tests, and the tests on real hosts of the lab."""
    if python:
        from hermes_ops.commands.dev import other_python

        other_python.elsewhere(python, junit, output)
        return
    from hermes_ops.commands.dev import check as command

    if quick:
        command.quick(output, junit)
    else:
        command.test(output, junit=junit, require_lab=require_lab, only=only, macs=macs)


@verb(
    common=(),
    options=(
        Option("hosts", "how many hosts (10)", "10"),
        Option("profiles", "how many profiles on each (3)", "3"),
    ),
    example="./inv dev.bench",
)
def bench(_options: Options, output: Output, *, hosts: str, profiles: str) -> None:
    """Measure runs in the lab, and compare them with the least that they could cost."""
    from hermes_ops.commands.dev import bench as command

    command.run(output, hosts=whole("hosts", hosts), profiles=whole("profiles", profiles))


@verb(
    operands=(
        Option("folder", "a folder with scripts NAME/try.sh, which exit with 0 if all is right"),
    ),
    options=(Option("only", "run only the script of this NAME", ""),),
    common=ANSWER,
    example="./inv dev.trials tests/trials",
)
def trials(_options: Options, output: Output, *, folder: str, only: str) -> Result:
    """Run scripts against fresh hosts of the lab, and show how each of them ended."""
    from hermes_ops.commands.dev import trials as command

    return command.run(output, Path(folder), only)
