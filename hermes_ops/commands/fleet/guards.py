"""What is protected from being stopped or removed."""

from __future__ import annotations

from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Inventory


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
