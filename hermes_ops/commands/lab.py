"""Throwaway real hosts on this machine, for trying things and for the tests."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hermes_ops import lab
from hermes_ops.cli.options import whole
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.errors import CommandError, UsageError

_EVENTS = "the events: knobs, knob NAME VALUE, login USER, logout, unlock, reboot, reset"
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


def sim(output: Output, root: Path, name: str, event: str) -> Result:
    """Let something happen to a simulated Mac, such as a login at its console."""
    if not name.startswith("mac"):
        raise UsageError(f"{name} is no simulated Mac", hint="make one: ./inv lab.up --mac 1")
    done = lab.exec(root, name, ["/opt/mac/sim", *shlex.split(event)])
    if done.returncode:
        raise UsageError(done.stderr.strip() or f"{name}: '{event}' failed", hint=_EVENTS)
    output.text(done.stdout.rstrip() or f"{name}: {event}")
    return items([])


def act(verb: Callable[[Path, str], object], output: Output, root: Path, name: str) -> Result:
    """Do something to one host, and then show the lab."""
    verb(root, name)
    return ps(output, root)
