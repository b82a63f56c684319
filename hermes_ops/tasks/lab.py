"""Throwaway real hosts on this machine: systemd, sshd and Hermes, in namespaces of their own."""

from __future__ import annotations

from pathlib import Path

from hermes_ops.cli.options import ANSWER, Option, Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb

_NAME = Option("name", "a host of the lab, such as linux-1")
_ROOT = Option("root", "the lab's folder (.lab)", ".lab")


@verb(
    options=(
        Option("linux", "how many hosts with polkit, sudo and Hermes"),
        Option("linux_bare", "how many hosts without polkit and sudo"),
        Option("linux_nohermes", "how many hosts without Hermes and without internet"),
        Option("mac", "how many simulated Macs"),
        Option("mac_nohermes", "how many simulated Macs without Hermes"),
        _ROOT,
    ),
    common=ANSWER,
    example="./inv lab.up --linux 3 && ./inv fleet.up -i .lab/inventory",
)
def up(_options: Options, output: Output, *, root: str, **wanted: str | None) -> Result:
    """Bring up real hosts, and write an inventory of them to .lab/inventory."""
    from hermes_ops.commands import lab as command

    return command.up(output, Path(root), wanted)


@verb(options=(_ROOT,), common=ANSWER, example="./inv lab.down")
def down(_options: Options, output: Output, *, root: str) -> Result:
    """Take the lab down, and leave nothing of it behind."""
    from hermes_ops.commands import lab as command

    return command.down(output, Path(root))


@verb(options=(_ROOT,), common=ANSWER, example="./inv lab.ps")
def ps(_options: Options, output: Output, *, root: str) -> Result:
    """Show the lab's hosts."""
    from hermes_ops.commands import lab as command

    return command.ps(output, Path(root))


@verb(operands=(_NAME,), options=(_ROOT,), common=ANSWER, example="./inv lab.ssh linux-1")
def ssh(_options: Options, _output: Output, *, name: str, root: str) -> None:
    """Open a shell on a host of the lab."""
    from hermes_ops.commands import lab as command

    command.ssh(Path(root), name)


@verb(operands=(_NAME,), options=(_ROOT,), common=ANSWER, example="./inv lab.reboot linux-1")
def reboot(_options: Options, output: Output, *, name: str, root: str) -> Result:
    """Reboot a host of the lab."""
    from hermes_ops import lab
    from hermes_ops.commands import lab as command

    return command.act(lab.reboot, output, Path(root), name)


@verb(operands=(_NAME,), options=(_ROOT,), common=ANSWER, example="./inv lab.cut linux-1")
def cut(_options: Options, output: Output, *, name: str, root: str) -> Result:
    """Cut a host of the lab off the network."""
    from hermes_ops import lab
    from hermes_ops.commands import lab as command

    return command.act(lab.cut, output, Path(root), name)


@verb(operands=(_NAME,), options=(_ROOT,), common=ANSWER, example="./inv lab.heal linux-1")
def heal(_options: Options, output: Output, *, name: str, root: str) -> Result:
    """Connect a host of the lab again."""
    from hermes_ops import lab
    from hermes_ops.commands import lab as command

    return command.act(lab.heal, output, Path(root), name)


@verb(
    operands=(
        _NAME,
        Option("event", "what happens to it: knobs, 'knob NAME VALUE', 'login USER', logout, …"),
    ),
    options=(_ROOT,),
    common=ANSWER,
    example="./inv lab.sim mac-1 logout",
)
def sim(_options: Options, output: Output, *, name: str, event: str, root: str) -> Result:
    """Let something happen to a simulated Mac."""
    from hermes_ops.commands import lab as command

    return command.sim(output, Path(root), name, event)
