"""What every task begins with: the inventory that is meant, narrowed, its secrets resolved."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hermes_ops import loader
from hermes_ops.desired import known_secrets, references, with_secrets
from hermes_ops.errors import UsageError
from hermes_ops.fingerprint import operator_key
from hermes_ops.inventory import Inventory, Reference
from hermes_ops.remembered import with_marks
from hermes_ops.secret import Secret
from hermes_ops.selector import select
from hermes_ops.tasks.options import Options
from hermes_ops.tasks.output import REDACTOR, Output

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The inventory, whole and as selected, and where it came from."""

    whole: Inventory
    selected: Inventory
    paths: tuple[Path, ...]

    @property
    def known_hosts(self) -> tuple[Path, ...]:
        """Return the files of host keys that `hosts.trust` accepted."""
        return tuple(_folder(path) / "known_hosts" for path in self.paths)


Focus = Callable[[Inventory], Inventory]


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def open_workspace(
    options: Options, output: Output, *, resolve: bool = False, focus: Focus | None = None
) -> Workspace:
    """Load, select and, where secrets are needed, resolve; touches no host.

    `focus` narrows what was selected further, before anything is resolved.

    Raises:
        InventoryError: a file is wrong.
        UsageError: the selection is empty.
    """
    paths = loader.find_inventory(options.inventory, os.environ, Path.cwd(), ROOT)
    whole = loader.load(paths, ROLES, os.environ)
    for secret in known_secrets(whole):
        REDACTOR.learn(secret)
    selected, warnings = select(whole, options.limit)
    for warning in (*whole.warnings, *warnings):
        output.note(f"warning: {warning}")
    selected = focus(selected) if focus else selected
    if resolve:
        selected = _resolved(selected, paths, output)
    return Workspace(whole, selected, tuple(paths))


def _resolved(inventory: Inventory, paths: list[Path], output: Output) -> Inventory:
    wanted = references(inventory)
    if not wanted:
        return inventory
    from hermes_ops.resolve import resolve

    values = resolve(wanted, _environ(paths))
    for secret in values.values():
        REDACTOR.learn(secret)
    _check(inventory, values)
    return with_secrets(_marked(inventory, values, output), values)


def _marked(inventory: Inventory, values: Mapping[Reference, Secret], output: Output) -> Inventory:
    """Return the inventory with what is kept of its values; without a key it works all the same."""
    try:
        return with_marks(inventory, values, operator_key())
    except UsageError as error:
        output.note(f"warning: {error}; fleet.ps cannot tell drift of references ({error.hint})")
        return inventory


def _check(inventory: Inventory, values: Mapping[Reference, Secret]) -> None:
    """Refuse what would not survive in a `.env`: known only now that it is resolved."""
    for host in inventory.hosts:
        for profile in host.profiles:
            for name, value in profile.env.items():
                if isinstance(value, Reference):
                    loader.check_env(name, values[value], value.place)


def _environ(paths: list[Path]) -> Mapping[str, str]:
    return loader.load_env(paths, os.environ)


def enabled(inventory: Inventory) -> tuple[Inventory, list[str]]:
    """Return the inventory without its disabled hosts, and a sentence for each of those."""
    said = [
        f"{host.name} is disabled" + (f": {host.disabled_reason}" if host.disabled_reason else "")
        for host in inventory.hosts
        if not host.enabled
    ]
    return replace(inventory, hosts=tuple(h for h in inventory.hosts if h.enabled)), said


def new_run() -> str:
    """Return the name of a run: its time in UTC, and four letters that no other has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def operator() -> str:
    """Return who acts: user and machine."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def now() -> str:
    """Return the time in UTC, as the documents have it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
