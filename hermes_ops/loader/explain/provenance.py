"""Where each setting of a profile comes from: which layers set it, and which one wins.

`leaves()` gives this for one profile of one host, from the same layers as `load()`.
Layers, weakest first:

    catalogue   profiles/NAME.yml                              variable ''
    group:NAME  hermes_profile_defaults of a group, then
    host        of the host itself                             variable 'hermes_profile_defaults'
    group:NAME  hermes_profiles of a group, then
    host        of the host itself                             variable 'hermes_profiles'

A *leaf* is a value that no layer merges any deeper: a scalar, a list, one name of `env`. Its path
begins with the key of the profile (`config.model.default`, `env.API_SERVER_KEY`, `state`);
`keypath` says how a path is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from hermes_ops.errors import Place, UsageError
from hermes_ops.loader.hosts.guarded import shown_variables
from hermes_ops.loader.hosts.host import MERGED
from hermes_ops.loader.keypath import KeyPath, spelled, veiled_at
from hermes_ops.loader.layers.overlay import APPEND, REMOVE, in_order
from hermes_ops.loader.layers.variables import Layer
from hermes_ops.loader.load import InventoryFiles
from hermes_ops.loader.located import Located, plain
from hermes_ops.loader.profiles.profile import (
    UNMERGED,
    Contribution,
    contributions,
    described,
    wanted,
)
from hermes_ops.loader.schema import suggestion
from hermes_ops.secrets.reference import GENERATE
from hermes_ops.secrets.secret import SHOWN, Secret, veiled
from hermes_ops.secrets.sources import SOURCES

ACTIONS = {"": "sets", APPEND: "appends", REMOVE: "removes"}
SECTIONS = {
    ("config",),
    ("env",),
    ("files",),
    ("service",),
    ("service", "environment"),
    ("service", "settings"),
}


@dataclass(frozen=True, slots=True)
class Saying:
    """What one layer does to one setting."""

    path: KeyPath
    layer: str
    """`catalogue`, `group:NAME` or `host`."""
    variable: str
    """`hermes_profile_defaults`, `hermes_profiles`, or '' for a file of the catalogue."""
    action: str
    """`sets`, `appends` or `removes`."""
    value: Any
    """The value as plain data; for a secret, only its source."""
    place: Place
    counts: bool = False
    """Whether this is part of the effective value; otherwise a stronger layer overrides it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One effective setting of a profile, and every layer's contribution to it."""

    path: KeyPath
    value: Any
    said: tuple[Saying, ...]
    """Strongest first; the first that counts is the winner."""

    @property
    def key(self) -> str:
        """Return the path as it is written: `config.model.default`."""
        return spelled(self.path)

    @property
    def winner(self) -> Saying:
        """Return the strongest contribution that counts: the place to change the value."""
        return next(saying for saying in self.said if saying.counts)


def leaves(gathered: InventoryFiles, host: str, profile: str) -> tuple[Leaf, ...]:
    """Return every effective setting of a profile with its origin, in the order of the layers.

    `gathered` is what `loader.gather()` returns. Values of `env` are never in clear: a plain value
    is `***`, a reference is its kind and, if it is not secret, its argument. A value whose name
    is that of a credential is `***` too.

    Raises:
        UsageError: there is no such host, or it has no such profile.
        InventoryError: the layers cannot be merged; the message says where.
    """
    return traced(parts_of(gathered, host, profile))


def parts_of(gathered: InventoryFiles, host: str, profile: str) -> tuple[Contribution, ...]:
    """Return what each layer sets for a profile of a host, weakest first, as it is written."""
    wants = wanted(_layers(gathered, host))
    if profile not in wants.overrides:
        hint = suggestion(profile, wants.overrides)
        raise UsageError(f"{host} has no profile {profile!r}", hint=hint)
    return contributions(profile, wants, gathered.around.catalogue)


def _layers(gathered: InventoryFiles, host: str) -> Sequence[Layer]:
    hosts = gathered.tree.hosts
    if host in gathered.tree.groups and host not in hosts:
        raise UsageError(f"{host} is a group: name one of its hosts", hint="./inv inventory.list")
    if host not in hosts:
        raise UsageError(f"there is no host {host!r}", hint=suggestion(host, hosts))
    return gathered.layers(host)


def traced(parts: Sequence[Contribution]) -> tuple[Leaf, ...]:
    """Return the leaves of these layers, weakest first, once merged."""
    sayings = _Sayings(saying for part in parts for saying in sayings_of(part))
    return tuple(
        Leaf(path, _shown_at(path, value), sayings.judged(path))
        for path, value in _flat(described(parts))
    )


def sayings_of(part: Contribution) -> Iterator[Saying]:
    """Yield what one layer sets, leaf by leaf."""
    layer = layer_name(part.origin)
    for path, action, value in _flat_sets(part.value) if part.is_settled else _said(part.value):
        yield Saying(path, layer, part.variable, action, _shown_at(path, value), value.place)


def layer_name(origin: str) -> str:
    """Return an origin such as `group minis` in the form of `--layer`."""
    kind, _, name = origin.partition(" ")
    return f"group:{name}" if kind == "group" else kind


def _flat(value: Located, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Located]]:
    """Yield path and value of every leaf of a merged profile; an empty section has none."""
    if not _is_merged(value, path):
        yield path, value
        return
    for key, entry in value.entries.items():
        yield from _flat(entry, (*path, key))


def _flat_sets(value: Located) -> Iterator[tuple[KeyPath, str, Located]]:
    return ((path, ACTIONS[""], leaf) for path, leaf in _flat(value))


def _said(value: Located, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str, Located]]:
    """Yield path, action and value of every leaf as a layer writes it."""
    if not _is_merged(value, path):
        yield path, ACTIONS[""], value
        return
    entries = _entries(value, path)
    if entries and all(sign == REMOVE for sign, _, _ in entries):
        # Without a weaker layer nothing remains, so it is an empty mapping.
        yield path, ACTIONS[""], Located({}, value.place)
    for sign, name, entry in entries:
        if sign:
            yield (*path, name), ACTIONS[sign], entry
        elif entry.data is not None or path:
            yield from _said(entry, (*path, name))


def _entries(value: Located, path: KeyPath) -> list[tuple[str, Any, Located]]:
    if path and path[0] in UNMERGED:
        return [("", key, entry) for key, entry in value.entries.items()]
    return list(in_order(value))


def _is_merged(value: Located, path: KeyPath) -> bool:
    if not isinstance(value.data, dict) or (len(path) == 2 and path[0] in UNMERGED):
        return False
    return bool(value.data) or not path or path in SECTIONS


class _Sayings:
    """All contributions by path: each is found at its path and at every path above it."""

    def __init__(self, sayings: Iterable[Saying]) -> None:
        self._below: dict[KeyPath, list[tuple[int, Saying]]] = {}
        for number, saying in enumerate(sayings):
            for end in range(1, len(saying.path) + 1):
                self._below.setdefault(saying.path[:end], []).append((number, saying))

    def judged(self, path: KeyPath) -> tuple[Saying, ...]:
        """Return the contributions at a path, above it and below it, strongest first."""
        said: list[Saying] = []
        for saying in self._concerning(path):
            if saying.action == ACTIONS[""]:
                said = [_with(earlier, counts=False) for earlier in said]
            said.append(_with(saying, counts=saying.path == path))
        return tuple(reversed(said))

    def _concerning(self, path: KeyPath) -> Iterator[Saying]:
        found = dict(self._below.get(path, ()))
        for end in range(1, len(path)):
            # An empty mapping above sets nothing below it.
            found.update(
                (number, saying)
                for number, saying in self._below.get(path[:end], ())
                if len(saying.path) == end and saying.value != {}
            )
        return (found[number] for number in sorted(found))


def _with(saying: Saying, *, counts: bool) -> Saying:
    return saying if saying.counts == counts else replace(saying, counts=counts)


def variables(gathered: InventoryFiles, host: str) -> tuple[Leaf, ...]:
    """Return every variable of a host with its origin, by name.

    The strongest wins. The two variables of profiles are merged; `leaves()` shows their parts.

    Raises:
        UsageError: there is no such host.
    """
    said: dict[str, list[Saying]] = {}
    for layer in _layers(gathered, host):
        for name, value in layer.variables.items():
            said.setdefault(name, []).insert(0, _variable(name, value, layer.origin))
    return tuple(_variable_leaf(name, said[name]) for name in sorted(said))


def _variable(name: str, value: Located, origin: str) -> Saying:
    known = veiled(name, masked(shown_variables({name: value})[name]))
    return Saying((name,), layer_name(origin), "", ACTIONS[""], known, value.place, name in MERGED)


def _variable_leaf(name: str, said: Sequence[Saying]) -> Leaf:
    winner = replace(said[0], counts=True)
    return Leaf((name,), winner.value, (winner, *said[1:]))


def masked(value: Any) -> Any:
    """Return plain values for a document, with every `Secret` masked."""
    if isinstance(value, dict):
        return {key_of(key): masked(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [masked(entry) for entry in value]
    return SHOWN if isinstance(value, Secret) else _scalar(value, str(value))


def key_of(key: Any) -> Any:
    """Return a key for a document; a date becomes a text."""
    return key if isinstance(key, str | int | bool) else str(key)


def _scalar(value: Any, text: str) -> Any:
    """Return a scalar for JSON: dates, infinities and NaN become texts."""
    is_json = isinstance(value, str | int | bool | None)
    return value if is_json or (isinstance(value, float) and isfinite(value)) else text


def _shown_at(path: KeyPath, value: Located) -> Any:
    """Return a value of a profile that may be shown: no credential, no value of `env`."""
    if path[:1] == ("env",) and len(path) > 1:
        return _shown_env(value)
    return veiled_at(path, _shown(value))


def _shown(value: Located) -> Any:
    if isinstance(value.data, dict):
        return {key_of(key): _shown(entry) for key, entry in value.data.items()}
    if isinstance(value.data, tuple):
        return [_shown(item) for item in value.data]
    return SHOWN if value.secret else _scalar(value.data, value.text or str(value.data))


def _shown_env(value: Located) -> Any:
    if not value.entries:
        return SHOWN
    return {str(form): _argument(str(form), entry) for form, entry in value.entries.items()}


def _argument(form: str, entry: Located) -> Any:
    if form == GENERATE and isinstance(entry.data, int):
        return entry.data
    source = SOURCES.get(form)
    found = source.read(plain(entry)) if source else None
    return source.shown(found) if source and found is not None else "…"
