"""What every task begins with: the inventory that is meant, narrowed, its secrets resolved."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hermes_ops import loader
from hermes_ops.assets import ROLES
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output
from hermes_ops.errors import SelectsNothing, UsageError
from hermes_ops.inventory.credentials import known_secrets, references, with_secrets
from hermes_ops.inventory.find import find_inventory, working_folder
from hermes_ops.inventory.model import Inventory
from hermes_ops.inventory.selector import select, within
from hermes_ops.plan.marks import with_marks
from hermes_ops.secrets.fingerprint import operator_key
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.secret import Secret


@dataclass(frozen=True, slots=True)
class Workspace:
    """The inventory, whole and as selected, and where it came from."""

    whole: Inventory
    selected: Inventory
    paths: tuple[Path, ...]
    vault: loader.Vault
    """What opened the encrypted values of these files."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders of the inventory's sources."""
        return tuple(map(_folder, self.paths))

    @property
    def known_hosts(self) -> tuple[Path, ...]:
        """Return the files of host keys that `hosts.trust` accepted."""
        return tuple(folder / "known_hosts" for folder in self.folders)


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
    paths = chosen_inventory(options, output)
    vault = vault_of(options)
    whole = loaded(paths, vault)
    for secret in known_secrets(whole):
        REDACTOR.learn(secret)
    selected, warnings = select(whole, options.limit)
    if options.within is not None:
        part, more = select(whole, options.within)
        selected, warnings = within(selected, part), [*warnings, *more]
        if not selected.hosts:
            raise SelectsNothing(f"nothing of {options.limit!r} is in {options.within!r}")
    for warning in (*whole.warnings, *warnings):
        output.note(f"warning: {warning}")
    selected = focus(selected) if focus else selected
    if resolve:
        selected = _resolved(selected, paths, options, output)
    return Workspace(whole, selected, tuple(paths), vault)


def chosen_inventory(options: Options, output: Output) -> list[Path]:
    """Return the paths of the inventory that is meant; what is printed names them."""
    paths = find_inventory(options.inventory, os.environ, working_folder())
    output.inventory = tuple(paths)
    return paths


def loaded(paths: Sequence[Path], vault: loader.Vault) -> Inventory:
    """Return the whole inventory, as every task of a call reads it."""
    return loader.load(paths, ROLES, os.environ, vault)


def gathered(workspace: Workspace) -> loader.InventoryFiles:
    """Return what the files say before it is merged, for those who ask where a value comes from."""
    return loader.gather(workspace.paths, ROLES, os.environ, workspace.vault)


def refuse_unreachable(inventory: Inventory) -> None:
    """Raise for the first host that nobody may connect to as its variables have it.

    An inventory that serves others, too, has hosts that are of no concern here; so this is asked
    of those that are about to be contacted.
    """
    for host in inventory.hosts:
        if host.refusal and host.enabled:
            raise host.refusal


def vault_of(options: Options) -> loader.Vault:
    """Return what opens encrypted values; whatever comes out of it, the sink never shows."""
    named = options.vault_password_file or os.environ.get("ANSIBLE_VAULT_PASSWORD_FILE")
    file = Path(named).expanduser() if named else None
    if file is not None and not file.exists():
        hint = "see --vault-password-file and $ANSIBLE_VAULT_PASSWORD_FILE"
        raise UsageError(f"there is no vault password file {named}", hint=hint)
    return loader.Vault(file, REDACTOR.learn)


def _resolved(
    inventory: Inventory, paths: list[Path], options: Options, output: Output
) -> Inventory:
    values = resolved(references(inventory), paths, options)
    if not values:
        return inventory
    _check(inventory, values)
    return with_secrets(_marked(inventory, values, output), values)


def _marked(inventory: Inventory, values: Mapping[Reference, Secret], output: Output) -> Inventory:
    """Return the inventory with what is kept of its values; without a key it works all the same."""
    try:
        return with_marks(inventory, values, operator_key())
    except UsageError as error:
        output.note(f"warning: {error}; fleet.ps cannot tell drift of references ({error.hint})")
        return inventory


def resolved(
    wanted: Collection[Reference], paths: Sequence[Path], options: Options
) -> dict[Reference, Secret]:
    """Return the secrets of references; the sink knows each before anybody can show it."""
    if not wanted:
        return {}
    from hermes_ops.secrets.resolve import resolve

    return resolve(
        wanted, environ_of(paths), age_key_file=options.age_key_file, learn=REDACTOR.learn
    )


def _check(inventory: Inventory, values: Mapping[Reference, Secret]) -> None:
    """Refuse what would not survive in a `.env`: known only now that it is resolved."""
    for host in inventory.hosts:
        for profile in host.profiles:
            for name, value in profile.env.items():
                if isinstance(value, Reference):
                    loader.check_env(name, values[value], value.place)


def environ_of(paths: Sequence[Path]) -> Mapping[str, str]:
    """Return what `{env: …}` may name: the process environment, and below it `.env`."""
    return loader.load_env(paths, os.environ)


def in_service(inventory: Inventory) -> tuple[Inventory, list[str]]:
    """Return the hosts that shall run something, and a sentence about those that shall not.

    Raises:
        InventoryError: one of the hosts that are left cannot be contacted.
    """
    running, disabled = enabled(inventory)
    left, bare = with_profiles(running)
    refuse_unreachable(left)
    return left, [*disabled, *bare]


def enabled(inventory: Inventory) -> tuple[Inventory, list[str]]:
    """Return the inventory without its disabled hosts, and a sentence for each of those."""
    said = [
        f"{host.name} is disabled" + (f": {host.disabled_reason}" if host.disabled_reason else "")
        for host in inventory.hosts
        if not host.enabled
    ]
    return replace(inventory, hosts=tuple(h for h in inventory.hosts if h.enabled)), said


def with_profiles(inventory: Inventory) -> tuple[Inventory, list[str]]:
    """Return the inventory without hosts that shall run nothing, and a sentence about those."""
    bare = [host.name for host in inventory.hosts if not host.profiles]
    if not bare:
        return inventory, []
    names = ", ".join(bare[:3]) + (f" and {len(bare) - 3} more" if len(bare) > 3 else "")
    left = replace(inventory, hosts=tuple(host for host in inventory.hosts if host.profiles))
    return left, [f"{names}: no profiles there"]


def new_run() -> str:
    """Return the name of a run: its time in UTC, and four letters that no other has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def operator() -> str:
    """Return who acts: user and machine."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def now() -> str:
    """Return the time in UTC, as the documents have it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
