"""Throwaway real hosts on this machine: systemd, sshd and Hermes, in namespaces of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hermes_ops.errors import CommandError
from hermes_ops.tasks.options import COMMON, Option, Options, whole
from hermes_ops.tasks.output import Output, Result, items
from hermes_ops.tasks.step import verb

_ANSWER = tuple(option for option in COMMON if option.name in ("json", "verbose"))
_NAME = Option("name", "a host of the lab, such as linux-1")
_ROOT = Option("root", "the lab's folder (.lab)", ".lab")
_COLUMNS = ["name", "kind", "address", "state", "pid"]


def _rows(root: str) -> list[Mapping[str, Any]]:
    from hermes_ops import lab

    return [{name: getattr(host, name) for name in _COLUMNS} for host in lab.hosts(Path(root))]


def _shown(root: str, output: Output) -> Result:
    rows = _rows(root)
    if not output.json:
        from hermes_ops.reporting.report import table

        table(output, _COLUMNS, rows)
    return items(rows)


@verb(
    options=(
        Option("linux", "how many hosts with polkit, sudo and Hermes"),
        Option("linux_bare", "how many without polkit and sudo"),
        Option("linux_nohermes", "how many without Hermes and without a way to the internet"),
        _ROOT,
    ),
    common=_ANSWER,
    example="./inv lab.up --linux 3 && ./inv fleet.up -i .lab/inventory",
)
def up(_options: Options, output: Output, *, root: str, **wanted: str | None) -> Result:
    """Bring up real hosts, and write an inventory of them to .lab/inventory."""
    from hermes_ops import lab

    numbers = {
        name.replace("_", "-"): whole(name, text, least=0)
        for name, text in wanted.items()
        if text is not None
    }
    lab.install_packages(output.note)
    if reason := lab.why_not():
        raise CommandError(f"the lab cannot run here: {reason}")
    lab.up(Path(root), numbers or {"linux": 1}, output.note)
    return _shown(root, output)


@verb(options=(_ROOT,), common=_ANSWER, example="./inv lab.down")
def down(_options: Options, output: Output, *, root: str) -> Result:
    """Take the lab down; nothing of it is left behind."""
    from hermes_ops import lab

    ended = lab.down(Path(root), output.note)
    output.text(f"{ended} hosts taken down")
    return items([])


@verb(options=(_ROOT,), common=_ANSWER, example="./inv lab.ps")
def ps(_options: Options, output: Output, *, root: str) -> Result:
    """Show the lab's hosts."""
    return _shown(root, output)


@verb(operands=(_NAME,), options=(_ROOT,), common=_ANSWER, example="./inv lab.ssh linux-1")
def ssh(_options: Options, _output: Output, *, name: str, root: str) -> None:
    """Open a shell on a host of the lab."""
    from hermes_ops import lab

    words = lab.ssh_command(Path(root), name)
    os.execvp(words[0], words)  # noqa: S606 - the shell takes our place, Ctrl-C included


@verb(operands=(_NAME,), options=(_ROOT,), common=_ANSWER, example="./inv lab.reboot linux-1")
def reboot(_options: Options, output: Output, *, name: str, root: str) -> Result:
    """Reboot a host of the lab."""
    from hermes_ops import lab

    lab.reboot(Path(root), name)
    return _shown(root, output)


@verb(operands=(_NAME,), options=(_ROOT,), common=_ANSWER, example="./inv lab.cut linux-1")
def cut(_options: Options, output: Output, *, name: str, root: str) -> Result:
    """Cut a host of the lab off the network."""
    from hermes_ops import lab

    lab.cut(Path(root), name)
    return _shown(root, output)


@verb(operands=(_NAME,), options=(_ROOT,), common=_ANSWER, example="./inv lab.heal linux-1")
def heal(_options: Options, output: Output, *, name: str, root: str) -> Result:
    """Connect a host of the lab again."""
    from hermes_ops import lab

    lab.heal(Path(root), name)
    return _shown(root, output)
