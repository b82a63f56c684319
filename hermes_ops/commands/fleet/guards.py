"""What guards gateways from being stopped or removed: protection, and a question."""

from __future__ import annotations

from hermes_ops.cli.options import Options
from hermes_ops.cli.prompts import confirm_typed
from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Inventory

MOST_NAMES = 12
"""How many gateways a question names; it counts them all."""


def refuse_unselected(task: str, options: Options, *, all_hosts: bool) -> None:
    """Refuse a task that takes services down, or removes them, without a selection.

    Raises:
        UsageError: says how to select.
    """
    if not options.limit and not all_hosts:
        raise UsageError(f"{task} needs a selection", hint="name hosts with -l, or say --all-hosts")


def ask(does: str, selected: Inventory, options: Options, *, more: str = "") -> None:
    """Tell which gateways are meant, and let the selection be typed; with `--check` go on."""
    names = [f"{host.name}/{p.name}" for host in selected.hosts for p in host.profiles]
    if options.check or not names:
        return
    told = ", ".join(names[:MOST_NAMES]) + (", …" if names[MOST_NAMES:] else "")
    count = f"{len(names)} gateways" if len(names) > 1 else "one gateway"
    confirm_typed(options.limit or "all", f"{does} {count} ({told})?{more}", options)


def refuse_protected(task: str, selected: Inventory, *, selects: bool = True) -> None:
    """Refuse a task that stops or removes gateways if one that is selected is protected.

    Nothing is touched then, whatever else is selected; `--yes` is no answer to it. `selects`:
    whether the task takes `-l`.

    Raises:
        UsageError: names them.
    """
    found = [
        f"{host.name}/{profile.name}"
        for host in selected.hosts
        for profile in host.profiles
        if host.enabled and (host.protected or profile.protected)
    ]
    if found:
        left = ",".join(f"!{name}" for name in found)
        first = f"leave out what is protected: -l '…,{left}'; or " if selects else ""
        raise UsageError(
            f"{task}: {', '.join(found)} {'is' if len(found) == 1 else 'are'} protected",
            hint=f"{first}take its `protected` away (of a host: `hermes_protected`)",
        )
