"""Who has a secret of the inventory: a profile in its `env:`, or a host in its `hermes_alerts`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hermes_ops import loader
from hermes_ops.alerts import delivery, ping
from hermes_ops.commands.workspace import Workspace, gathered
from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.inventory.model import ALERTS, Host, Inventory, Profile
from hermes_ops.loader.edit.edits import Edit, edit_key
from hermes_ops.loader.edit.spots import Spot, layer_of, spot_of, variable_spot
from hermes_ops.loader.located import Located
from hermes_ops.loader.profiles.env import variable_name
from hermes_ops.loader.schema import suggestion
from hermes_ops.secrets.reference import EnvValue, Reference
from hermes_ops.secrets.secret import Secret

PING, URLS = f"{ALERTS}.ping", f"{ALERTS}.urls"
_URL = re.compile(rf"{re.escape(URLS)}\[(0|[1-9]\d*)\]")


@dataclass(frozen=True, slots=True)
class Bearer:
    """A profile of a host, or without a profile the host's `hermes_alerts`."""

    host: Host
    profile: Profile | None

    def __str__(self) -> str:
        return f"{self.host.name}/{self.profile.name}" if self.profile else self.host.name

    @property
    def values(self) -> Mapping[str, EnvValue]:
        """Return its secrets by name."""
        return self.profile.env if self.profile else dict(self.host.alerts.named)

    def check(self, name: str, value: Secret, place: Place | None) -> None:
        """Raise if the value would have no effect there; the error never shows it."""
        if self.profile:
            loader.check_env(name, value, place)
        elif why := (ping if name == PING else delivery).refusal(value.reveal()):
            hint = "docs/alerts.md says which URLs are used"
            raise InventoryError(f"{name}: the value {why}", hint=hint, where=place)

    def edit(
        self, name: str, value: Any, layer: str | None, workspace: Workspace
    ) -> tuple[Edit, str]:
        """Return the edit that sets a value, and its name afterwards; without a layer, the usual.

        `hermes_alerts.urls` adds a URL to the list.
        """
        files, folders = gathered(workspace), workspace.folders
        if self.profile:
            of = (self.host.name, self.profile.name)
            spot = spot_of(files, folders, *of, layer or "profile")
            return edit_key(spot.file, (*spot.path, "env", name), value), name
        layer = layer or layer_of(files, self.host.name, ALERTS) or "group:all"
        found = variable_spot(files, folders, self.host.name, layer, ALERTS)
        if found is None:
            hint = "it is set in group:NAME or host"
            raise UsageError(f"{ALERTS} has no layer {layer!r}", hint=hint)
        return _edit_of_alerts(name, value, found)


def _edit_of_alerts(name: str, value: Any, spot: Spot) -> tuple[Edit, str]:
    if name == PING:
        return edit_key(spot.file, (*spot.path, "ping"), value), name
    urls = spot.found.entries.get("urls") if spot.found else None
    there = len(urls.items) if urls else 0
    match = _URL.fullmatch(name)
    number = int(match[1]) if match else there
    if number > there:
        raise UsageError(f"{name} would leave a gap: the next is {URLS}[{there}]")
    path = (*spot.path, "urls")
    # A list that is not there yet has no item to set.
    edit = edit_key(spot.file, (*path, f"[{number}]"), value) if there else edit_key(
        spot.file, path, [value]
    )  # fmt: skip
    return edit, f"{URLS}[{number}]"


def bearer_of(inventory: Inventory, target: str, name: str) -> Bearer:
    """Return who `HOST/PROFILE` or, for `hermes_alerts`, `HOST` names.

    Raises:
        UsageError: the inventory has no such target, or the name is none of its names.
    """
    is_alert = name == ALERTS or name.startswith(f"{ALERTS}.")
    bearers = {str(one): one for one in all_bearers(inventory, alerts=is_alert)}
    if target not in bearers:
        near = "" if is_alert else suggestion(target, bearers)
        raise _nobody(target, is_alert=is_alert, near=near, inventory=inventory)
    if not is_alert:
        variable_name(name, Located(name, Place("NAME")))
    elif name not in (PING, URLS) and not _URL.fullmatch(name):
        raise UsageError(f"there is no {name!r}", hint=f"{URLS}[0], {URLS} for one more, or {PING}")
    return bearers[target]


def all_bearers(inventory: Inventory, *, alerts: bool) -> list[Bearer]:
    """Return every profile, or with `alerts` every host."""
    if alerts:
        return [Bearer(host, None) for host in inventory.hosts]
    return [Bearer(host, profile) for host in inventory.hosts for profile in host.profiles]


def _nobody(target: str, *, is_alert: bool, near: str, inventory: Inventory) -> UsageError:
    host, slash, _ = target.partition("/")
    names = [host.name for host in inventory.hosts]
    if is_alert and slash and host in names:
        return UsageError(
            f"{ALERTS} is set for a host, not for a profile", hint=f"the target is {host}"
        )
    if is_alert:
        hint = suggestion(target, names) or "the target is a HOST"
        return UsageError(f"the inventory has no host {target!r}", hint=hint)
    hint = near or f"a target is HOST/PROFILE; HOST alone has {URLS} and {PING}"
    return UsageError(f"the inventory has no profile {target!r}", hint=hint)


def refuse_losses(before: Inventory, after: Inventory, name: str) -> None:
    """Raise if an edit of `hermes_alerts` took another value of it from a host.

    A stronger layer replaces the whole variable, as Ansible has it.
    """
    new = {host.name: host for host in after.hosts}
    for host in before.hosts:
        kept = [_said(value) for _, value in new[host.name].alerts.named]
        for other, value in host.alerts.named:
            if other != name and _said(value) not in kept:
                message = f"{ALERTS} of this layer replaces all of {value.place}"
                hint = f"{host.name} would lose {other}: use the --layer of that file"
                raise InventoryError(message, hint=hint)


def _said(value: EnvValue) -> object:
    return value.origin if isinstance(value, Reference) else value
