"""Throwaway real hosts on this machine, for trying things and for the tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hermes_ops import lab
from hermes_ops.cli.options import whole
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.errors import CommandError

_COLUMNS = ["name", "kind", "address", "state", "pid"]


def up(output: Output, root: Path, wanted: Mapping[str, str | None]) -> Result:
    """Bring up these numbers of hosts of each kind; without any, one host of kind `linux`."""
    numbers = {
        name.replace("_", "-"): whole(name, text, least=0)
        for name, text in wanted.items()
        if text is not None
    }
    lab.install_packages(output.note)
    if reason := lab.why_not():
        raise CommandError(f"the lab cannot run here: {reason}")
    lab.up(root, numbers or {"linux": 1}, output.note)
    return ps(output, root)


def down(output: Output, root: Path) -> Result:
    """Take every host of the lab down."""
    number = lab.down(root, lambda _: None)
    output.text(f"{number} host{'' if number == 1 else 's'} taken down")
    return items([])


def ps(output: Output, root: Path) -> Result:
    """Show the hosts of the lab."""
    hosts = lab.hosts(root)
    rows: list[Mapping[str, Any]] = [{c: getattr(host, c) for c in _COLUMNS} for host in hosts]
    if not output.json:
        from hermes_ops.reporting.report import table

        table(output, _COLUMNS, rows)
    return items(rows)


def ssh(root: Path, name: str) -> None:
    """Replace this process by a shell on a host of the lab."""
    words = lab.ssh_command(root, name)
    os.execvp(words[0], words)  # noqa: S606 - the shell takes our place, Ctrl-C included


def act(verb: Callable[[Path, str], object], output: Output, root: Path, name: str) -> Result:
    """Do something to one host, and then show the lab."""
    verb(root, name)
    return ps(output, root)
