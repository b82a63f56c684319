"""How every task begins: load the inventory, select hosts and profiles, resolve secrets."""

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
from hermes_ops.cli.prompts import password
from hermes_ops.commands.roles import use_role_path
from hermes_ops.errors import SelectsNothing, UsageError, few
from hermes_ops.inventory.credentials import known_secrets, names_of, references, with_secrets
from hermes_ops.inventory.find import find_inventory, working_folder
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.selector import select, within
from hermes_ops.loader.sources.files import folder_of
from hermes_ops.plan.marks import with_marks
from hermes_ops.secrets.fingerprint import operator_key
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.secret import Secret


@dataclass(frozen=True, slots=True)
class Workspace:
    """The inventory, whole and selected, and the paths it was read from."""

    whole: Inventory
    selected: Inventory
    paths: tuple[Path, ...]
    vault: loader.Vault
    """The vault that opened the encrypted values."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders of the inventory's sources."""
        return tuple(map(folder_of, self.paths))

    @property
    def known_hosts(self) -> tuple[Path, ...]:
        """Return the known_hosts files with the keys that `hosts.trust` accepted."""
        return tuple(folder / "known_hosts" for folder in self.folders)


Focus = Callable[[Inventory], Inventory]


def open_workspace(
    options: Options, output: Output, *, resolve: bool = False, focus: Focus | None = None
) -> Workspace:
    """Load the inventory, select, and resolve secrets if they are needed; contacts no host.

    `focus` narrows the selection further, before any secret is resolved.

    Raises:
        InventoryError: a file is wrong.
        UsageError: the selection is empty.
    """
    paths = chosen_inventory(options, output)
    vault = vault_of(options)
    use_role_path(options)
    whole = loaded(paths, vault)
    for secret in known_secrets(whole):
        REDACTOR.learn(secret)
    REDACTOR.spare(names_of(whole))
    for warning in whole.warnings:
        output.note(f"warning: {warning}")
    selected, warnings = select(whole, options.limit)
    if options.within is not None:
        part, more = select(whole, options.within)
        selected, warnings = within(selected, part), [*warnings, *more]
        if not selected.hosts:
            raise SelectsNothing(f"{options.limit!r} and {options.within!r} have nothing in common")
    for warning in warnings:
        output.note(f"warning: {warning}")
    selected = focus(selected) if focus else selected
    if resolve:
        selected = _resolved(selected, references(selected), paths, options, output)
    if options.ask_become_pass:
        selected = _with_password(selected)
    return Workspace(whole, selected, tuple(paths), vault)


def _with_password(inventory: Inventory) -> Inventory:
    """Return the inventory with a password that is asked for, where a host has none of its own."""
    instead = "ansible_become_password: \"{{ lookup('env', 'SUDO') }}\" takes it from a variable"
    asked = password("BECOME password: ", "--ask-become-pass", instead)
    REDACTOR.learn(asked)

    def given(host: Host) -> Host:
        known = host.connection.become_password or asked
        return replace(host, connection=replace(host.connection, become_password=known))

    return replace(inventory, hosts=tuple(map(given, inventory.hosts)))


def with_values(
    inventory: Inventory,
    workspace: Workspace,
    options: Options,
    output: Output,
    needs: Callable[[Profile, Host], bool],
) -> Inventory:
    """Return the inventory with the secrets of those profiles that need theirs.

    Raises:
        InventoryError: a profile that needs them has a setting that is still encrypted.
    """
    left_out = workspace.vault.left_out

    def asks(profile: Profile, host: Host) -> bool:
        refers = any(isinstance(value, Reference) for value in profile.env.values())
        if not (refers or profile.sealed or left_out) or not needs(profile, host):
            return False
        if left_out or profile.sealed:
            raise profile.sealed or loader.left_out(left_out[0])
        return True

    asked = [
        replace(host, profiles=tuple(p for p in host.profiles if asks(p, host)))
        for host in inventory.hosts
    ]
    wanted = references(replace(inventory, hosts=tuple(asked)))
    return _resolved(inventory, wanted, workspace.paths, options, output)


def chosen_inventory(options: Options, output: Output) -> list[Path]:
    """Return the paths of the chosen inventory, which summaries and documents will name."""
    paths = find_inventory(options.inventory, os.environ, working_folder())
    output.inventory = tuple(paths)
    return paths


def loaded(paths: Sequence[Path], vault: loader.Vault) -> Inventory:
    """Return the whole inventory."""
    return loader.load(paths, ROLES, os.environ, vault)


def gathered(workspace: Workspace) -> loader.InventoryFiles:
    """Return the content of the files before merging: it shows where each value comes from."""
    return loader.gather(workspace.paths, ROLES, os.environ, workspace.vault)


def refuse_unreachable(inventory: Inventory) -> None:
    """Raise the error of the first host whose variables do not allow a safe connection.

    Check only hosts that are about to be contacted: an inventory may have hosts for other tools.
    """
    for host in inventory.hosts:
        if host.refusal and host.enabled:
            raise host.refusal


def refuse_disabled(host: Host) -> None:
    """Refuse a host that is named, and is not to be used.

    Raises:
        UsageError: it is disabled.
        InventoryError: its variables do not allow a safe connection.
    """
    if not host.enabled:
        why = f": {host.disabled_reason}" if host.disabled_reason else ""
        raise UsageError(f"{host.name} is disabled{why}", hint="remove its hermes_enabled: false")
    if host.refusal:
        raise host.refusal


def vault_of(options: Options) -> loader.Vault:
    """Return what opens encrypted values; the output masks every value that it opens."""
    named = options.vault_password_file or os.environ.get("ANSIBLE_VAULT_PASSWORD_FILE")
    file = Path(named).expanduser() if named else None
    if file is not None and not file.exists():
        if not options.vault_password_file:
            # Another machine than usual: to look and to stop, no password is needed.
            return loader.Vault(None, REDACTOR.learn_typed)
        hint = "see --vault-password-file and $ANSIBLE_VAULT_PASSWORD_FILE"
        raise UsageError(f"there is no vault password file {named}", hint=hint)
    return loader.Vault(file, REDACTOR.learn_typed)


def _resolved(
    inventory: Inventory,
    wanted: Collection[Reference],
    paths: Sequence[Path],
    options: Options,
    output: Output,
) -> Inventory:
    values = resolved(wanted, paths, options)
    if not values:
        return inventory
    _check(inventory, values)
    return with_secrets(_marked(inventory, values, output), values)


def _marked(inventory: Inventory, values: Mapping[Reference, Secret], output: Output) -> Inventory:
    """Return the inventory with fingerprints of its values; unchanged, if there is no key."""
    try:
        return with_marks(inventory, values, operator_key())
    except UsageError as error:
        output.note(f"warning: {error}; fleet.ps cannot tell drift of references ({error.hint})")
        return inventory


def resolved(
    wanted: Collection[Reference], paths: Sequence[Path], options: Options
) -> dict[Reference, Secret]:
    """Return the secrets of references; the output masks each from the moment it is known."""
    if not wanted:
        return {}
    from hermes_ops.secrets.resolve import resolve

    return resolve(
        wanted, environ_of(paths), age_key_file=options.age_key_file, learn=REDACTOR.learn
    )


def _check(inventory: Inventory, values: Mapping[Reference, Secret]) -> None:
    """Refuse values that a `.env` cannot hold; that is known only after they are resolved."""
    for host in inventory.hosts:
        for profile in host.profiles:
            for name, value in profile.env.items():
                if isinstance(value, Reference) and value in values:
                    loader.check_env(name, values[value], value.place)


def environ_of(paths: Sequence[Path]) -> Mapping[str, str]:
    """Return the variables for `{env: …}`: the inventory's `.env`, overridden by the process's."""
    return loader.load_env(paths, os.environ)


def in_service(inventory: Inventory) -> tuple[Inventory, list[str]]:
    """Return the enabled hosts with profiles, and a sentence about each of the others.

    Raises:
        InventoryError: the variables of a returned host do not allow a safe connection.
    """
    running, disabled = enabled(inventory)
    left, bare = with_profiles(running)
    refuse_unreachable(left)
    return left, [*disabled, *bare]


def enabled(inventory: Inventory) -> tuple[Inventory, list[str]]:
    """Return the inventory without its disabled hosts, and a sentence about each of those."""
    said = [
        f"{host.name} is disabled" + (f": {host.disabled_reason}" if host.disabled_reason else "")
        for host in inventory.hosts
        if not host.enabled
    ]
    return replace(inventory, hosts=tuple(h for h in inventory.hosts if h.enabled)), said


def with_profiles(inventory: Inventory) -> tuple[Inventory, list[str]]:
    """Return the inventory without hosts that have no profiles, and a sentence about those.

    A host with `hermes_profiles: []` stays: what left that list may still run there.
    """
    bare = [h.name for h in inventory.hosts if not h.profiles and _is_foreign(h)]
    if not bare:
        return inventory, []
    left = replace(inventory, hosts=tuple(h for h in inventory.hosts if h.name not in bare))
    return left, [f"{few(bare, 3)}: no profiles in the inventory"]


def _is_foreign(host: Host) -> bool:
    """Whether the inventory says nothing about profiles of this host: it is for other tools."""
    return "hermes_profiles" not in host.variables


def new_run() -> str:
    """Return a name for a run: its time in UTC, and four random letters or digits."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def operator() -> str:
    """Return the operator: user and machine."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def now() -> str:
    """Return the time in UTC, for JSON documents."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
