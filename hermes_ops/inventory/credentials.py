"""The secrets of an inventory: its references, their values, and everything to mask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.secrets.names import holds_credential
from hermes_ops.secrets.reference import EnvValue, Reference
from hermes_ops.secrets.secret import Secret


def references(inventory: Inventory) -> set[Reference]:
    """Return every reference that the selected profiles use."""
    return {
        value
        for host in inventory.hosts
        for profile in host.profiles
        for value in profile.env.values()
        if isinstance(value, Reference)
    }


def with_secrets(inventory: Inventory, secrets: Mapping[Reference, Secret]) -> Inventory:
    """Return the inventory with each reference replaced by its value."""
    return replace(inventory, hosts=tuple(_host_with(host, secrets) for host in inventory.hosts))


def _host_with(host: Host, secrets: Mapping[Reference, Secret]) -> Host:
    return replace(
        host,
        profiles=tuple(
            replace(profile, env={k: _value(v, secrets) for k, v in profile.env.items()})
            for profile in host.profiles
        ),
    )


def _value(value: EnvValue, secrets: Mapping[Reference, Secret]) -> EnvValue:
    return secrets.get(value, value) if isinstance(value, Reference) else value


def names_of(inventory: Inventory) -> Iterable[str]:
    """Yield every name of a host, a group or a profile: names are shown, whatever is secret."""
    yield from inventory.groups
    for host in inventory.hosts:
        yield from (host.name, *host.all_profiles)


def known_secrets(inventory: Inventory) -> Iterable[Secret]:
    """Yield every value that output must mask."""
    for host in inventory.hosts:
        if host.connection.become_password:
            yield host.connection.become_password
        yield from (value for value in host.alerts.all if isinstance(value, Secret))
        for profile in host.profiles:
            yield from (v for v in profile.env.values() if isinstance(v, Secret))
            yield from _credentials("", profile.config)


def _credentials(name: str, value: Any) -> Iterable[Secret]:
    """Yield the values of settings with the name of a credential: they are masked too."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _credentials(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _credentials(name, inner)
    elif isinstance(value, str) and holds_credential(name):
        yield Secret(value)
