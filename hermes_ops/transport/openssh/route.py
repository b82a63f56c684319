"""The way to a host: the jump hosts in front of it, each with its own settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hermes_ops.inventory.jumps import Jump, parse_jumps
from hermes_ops.inventory.model import Connection, Host
from hermes_ops.transport.openssh.ask import circle, settings_of
from hermes_ops.transport.openssh.settings import Asked, ClientSettings

LONGEST = 16
"""How many hosts a way may have."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A host that is logged in to on the way, the last of which is the host itself."""

    name: str
    settings: ClientSettings
    pinned: str | None = None
    host: str = ""
    """The host that it leads to; empty for that host itself."""

    def __str__(self) -> str:
        return f"the jump host {self.name}" if self.host else self.name

    @property
    def on_the_way(self) -> str:
        """The words that a message adds to the name of a jump host."""
        return f" (on the way to {self.host})" if self.host else ""


def route_to(host: Host) -> tuple[Hop, ...]:
    """Return the hops to a host in the order of the connections, itself last.

    Raises:
        Unreachable: the way leads in a circle, or ssh does not accept its settings.
    """
    reached = host.connection
    target = (reached.address or host.name).strip("[]")
    jumps = None if reached.proxy_jump is None else parse_jumps(reached.proxy_jump)
    asked = Asked(target, reached.user, reached.port, jumps, reached.identities_only)
    *before, last = _hops(asked, host, ())
    own = replace(last.settings, alias=reached.host_key_alias or last.settings.alias)
    own = _with_inventory(own, reached)
    return (*before, Hop(target, own, reached.host_key))


def _hops(asked: Asked, host: Host, seen: tuple[Asked, ...]) -> tuple[Hop, ...]:
    if asked in seen or len(seen) >= LONGEST:
        raise circle(asked.host, " -> ".join(one.host for one in (*seen, asked)[:5]))
    settings = settings_of(asked)
    before: tuple[Hop, ...] = ()
    if settings.jumps:
        *first, last = settings.jumps
        jump = Asked(last.host, last.user, last.port, tuple(first) or None)
        before = _hops(jump, host, (*seen, asked))
    name = str(Jump(asked.host, asked.user, asked.port))
    return (*before, Hop(name, _of_a_jump(settings, host.connection), host=host.name))


def _of_a_jump(settings: ClientSettings, inventory: Connection) -> ClientSettings:
    """Let the host's own key and known_hosts files count for a jump host, too."""
    if inventory.key_file:
        settings = _only(settings, (*settings.named_keys, inventory.key_file))
    files = (*inventory.user_known_hosts, *settings.user_known_hosts, *inventory.known_hosts)
    return replace(settings, user_known_hosts=files)


def _with_inventory(settings: ClientSettings, inventory: Connection) -> ClientSettings:
    """Return the settings of the host itself, where the inventory's word counts first."""
    if inventory.key_file:
        settings = _only(settings, (inventory.key_file,))
    return replace(
        settings,
        user_known_hosts=(
            *(inventory.user_known_hosts or settings.user_known_hosts), *inventory.known_hosts,
        ),
        system_known_hosts=inventory.system_known_hosts or settings.system_known_hosts,
    )  # fmt: skip


def _only(settings: ClientSettings, keys: tuple[Path, ...]) -> ClientSettings:
    keys = tuple(dict.fromkeys(keys))
    return replace(settings, keys=keys, named_keys=keys, identities_only=True)
