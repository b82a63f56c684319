"""A finding, and the data that findings are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hermes_ops.errors import Place
from hermes_ops.loader.explain.provenance import (
    Leaf,
    Saying,
    layer_name,
    sayings_of,
    traced,
    variables,
)
from hermes_ops.loader.load import InventoryFiles
from hermes_ops.loader.profiles.profile import Contribution, contributions, wanted


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing in the inventory that has no effect."""

    kind: str
    place: Place
    message: str
    hint: str


class Wish(NamedTuple):
    """A profile of a host, and where it is named."""

    host: str
    profile: str
    place: Place


class ProfileSettings(NamedTuple):
    """The merged profile on one host, and on every other host with the same layers."""

    profile: str
    leaves: tuple[Leaf, ...]
    said: tuple[Saying, ...]


class Survey(NamedTuple):
    """Every setting of every profile, with its origin."""

    gathered: InventoryFiles
    folders: Sequence[Path]
    wishes: Sequence[Wish]
    settings: Sequence[ProfileSettings]
    variables: Mapping[str, tuple[Leaf, ...]]
    """By host."""

    @property
    def leaves(self) -> Iterator[Leaf]:
        """Yield every setting of every profile."""
        return (leaf for settings in self.settings for leaf in settings.leaves)

    @property
    def said(self) -> Iterator[Saying]:
        """Yield every contribution to any profile."""
        return (saying for settings in self.settings for saying in settings.said)


Check = Callable[[Survey], Iterable[Remark]]


def survey(gathered: InventoryFiles, folders: Sequence[Path]) -> Survey:
    """Trace every setting of every profile; hosts with the same layers are traced once."""
    wishes: list[Wish] = []
    distinct: dict[object, tuple[str, tuple[Contribution, ...]]] = {}
    for host in gathered.tree.hosts:
        wants = wanted(gathered.layers(host))
        for name in wants.overrides:
            parts = contributions(name, wants, gathered.around.catalogue)
            wishes.append(Wish(host, name, wants.place(name)))
            distinct.setdefault((name, *map(_same, parts)), (name, parts))
    settings = [_settings(name, parts) for name, parts in distinct.values()]
    of_hosts = {host: variables(gathered, host) for host in gathered.tree.hosts}
    return Survey(gathered, folders, wishes, settings, of_hosts)


def _same(part: Contribution) -> object:
    """Return a key that is equal for two contributions from the same text for two hosts."""
    # The first one is kept with its values, so that no other value can get their `id`.
    value = part.value
    return (
        layer_name(part.origin),
        part.variable,
        value.place,
        id(value.data) if value.data else 0,
    )


def _settings(profile: str, parts: Sequence[Contribution]) -> ProfileSettings:
    said = tuple(saying for part in parts for saying in sayings_of(part))
    return ProfileSettings(profile, traced(parts), said)
