"""Profiles: the catalogue, the layers above it, and the frozen value that results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from hermes_ops.errors import InventoryError, Place
from hermes_ops.inventory.model import (
    PROFILE_NAME,
    RESERVED_NAMES,
    STATES,
    Profile,
)
from hermes_ops.inventory.role import Role
from hermes_ops.loader.layers.late import Over
from hermes_ops.loader.layers.overlay import change_list, in_order, overlaid, settled
from hermes_ops.loader.layers.variables import Layer
from hermes_ops.loader.located import Located, covered, kind, plain, sealed_error, sealed_in
from hermes_ops.loader.profiles.allowances import ALLOW, allowances, places_of
from hermes_ops.loader.profiles.config import refuse_ignored
from hermes_ops.loader.profiles.env import env_values
from hermes_ops.loader.profiles.files import profile_files
from hermes_ops.loader.profiles.service import (
    SERVICE,
    refuse_contradictions,
    refuse_hardening,
    refuse_settings,
    service_settings,
)
from hermes_ops.loader.schema import (
    BOOLEAN,
    MAPPING,
    TEXT,
    WORD,
    Each,
    Fields,
    Key,
    check,
    filled,
    one_of,
    suggestion,
)
from hermes_ops.loader.sources.named import MARK, named_text
from hermes_ops.loader.sources.reading import Reading
from hermes_ops.loader.sources.text import shown
from hermes_ops.loader.sources.yaml import read
from hermes_ops.secrets.secret import Public

PROFILE = Fields(
    {
        "role": Key(WORD, "a folder of roles/", "gateway"),
        "description": Key(TEXT, "what it is for, in a line"),
        "config": Key(MAPPING, "merged into config.yaml; comments and other keys stay"),
        "env": Key(MAPPING, "merged into .env, mode 0600; every value is a secret"),
        "files": Key(MAPPING, "further files below its home; null takes one back"),
        "soul": Key(WORD, "a text beside this file, written to SOUL.md"),
        "service": Key(SERVICE, "how its service runs"),
        "after": Key(Each(WORD), "profiles of the same host that must be ready first"),
        "state": Key(
            one_of(*STATES),
            "started | stopped | absent: stopped, unit removed, data kept",
            "started",
        ),
        "protected": Key(BOOLEAN, "true: what stops or removes it refuses", False),
        "allow": Key(ALLOW, "findings of secrets.lint that are meant, each with its reason"),
    },
    is_layered=True,
)
"""The keys of `profiles/*.yml`, `hermes_profile_defaults` and overrides."""

UNMERGED = frozenset({"env", "files"})
"""Sections whose entries are replaced whole: `{file: …}` replaces `{env: …}`."""

EMPTY = Located({}, Place(""))


class Contribution(NamedTuple):
    """What one layer sets for a profile."""

    origin: str
    """`catalogue`, `group NAME` or `host NAME`."""
    variable: str
    """The variable that sets it; '' for a file of the catalogue."""
    value: Located

    @property
    def is_settled(self) -> bool:
        """Whether its operators are already applied: nothing is weaker than the catalogue."""
        return not self.variable


class NamedProfiles(NamedTuple):
    """The profiles of a host as its layers name them, before the catalogue is read."""

    defaults: tuple[Contribution, ...] = ()
    overrides: Mapping[str, tuple[Contribution, ...]] = MappingProxyType({})
    described: frozenset[str] = frozenset()
    """Names from a mapping: they need no file in the catalogue."""

    def place(self, name: str) -> Place:
        """Return where the strongest layer names a profile."""
        return self.overrides[name][-1].value.place


def load_catalogue(folders: Iterable[Path], reading: Reading) -> dict[str, Located]:
    """Return the profiles of every `profiles/*.yml`; if two have the same name, the last wins."""
    catalogue: dict[str, Located] = {}
    for folder in folders:
        files = _files(folder / "profiles")
        catalogue.update({file.stem: _load_file(file, reading) for file in files})
    return catalogue


def _files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.glob("*.y*ml") if file.suffix in (".yml", ".yaml"))
    for first, second in pairwise(files):
        if first.stem == second.stem:
            words, hint = "there are two files of this profile", f"{shown(first)} is one as well"
            raise InventoryError(words, hint=hint, where=shown(second))
    return files


def _load_file(file: Path, reading: Reading) -> Located:
    _check_name(file.stem, Place(shown(file)))
    if reading.vault.leaves_out(file):
        return Located({}, Place(shown(file)))
    document = read(file, reading)
    if document.data is None:
        return Located({}, document.place)
    check(document, PROFILE, file.stem)
    return settled_profile(document)


def _check_name(name: object, place: Place) -> None:
    entry = Located(name, place)
    if not isinstance(name, str):
        hint = "hermes_profiles: {coder: {…}}" if isinstance(name, dict) else "put it in quotes"
        raise entry.error(f"the name of a profile must be a text, this is {kind(entry)}", hint)
    if not PROFILE_NAME.fullmatch(name):
        hint = "small letters, digits, - and _, at most 64, the first a letter or a digit"
        raise entry.error(f"{name!r} cannot be the name of a profile", hint)
    if name in RESERVED_NAMES:
        hint = "reserved are: " + ", ".join(sorted(RESERVED_NAMES))
        raise entry.error(f"{name!r} is a name that Hermes keeps for itself", hint)


def wanted(layers: Sequence[Layer]) -> NamedProfiles:
    """Return the profiles that a host's layers name, weakest layer first."""
    defaults = tuple(_saying(layers, "hermes_profile_defaults"))
    for said in defaults:
        check(said.value, PROFILE, said.variable)
    overrides: dict[str, tuple[Contribution, ...]] = {}
    described: set[str] = set()
    for said in _saying(layers, "hermes_profiles"):
        described.update(said.value.entries)
        for name, override in _named(said.value):
            overrides[name] = (*overrides.get(name, ()), said._replace(value=override))
    return NamedProfiles(defaults, overrides, frozenset(described))


def _saying(layers: Iterable[Layer], variable: str) -> Iterator[Contribution]:
    for layer in layers:
        value = layer.variables.get(variable)
        if value is not None and value.data is not None:
            yield Contribution(layer.origin, variable, value)


def _named(value: Located) -> Iterable[tuple[str, Located]]:
    """Yield each name with its overrides, from a list or a mapping."""
    if isinstance(value.data, tuple):
        pairs = [(item.data, Located({}, item.place)) for item in value.items]
    elif isinstance(value.data, dict):
        pairs = list(value.entries.items())
    else:
        message = f"'hermes_profiles' must be a list or a mapping, this is {kind(value)}"
        raise value.error(message, "hermes_profiles: [coder, scout]")
    for name, override in pairs:
        _check_name(name, override.place)
        if override.data is not None:
            check(override, PROFILE, name)
        yield name, Located(override.entries, override.place)


def contributions(
    name: str, wants: NamedProfiles, catalogue: Mapping[str, Located]
) -> tuple[Contribution, ...]:
    """Return what each layer sets for one profile of a host, weakest first."""
    base = catalogue.get(name)
    if base is None and name not in wants.described:
        hint = suggestion(name, catalogue) or f"write profiles/{name}.yml"
        error = Located(name, wants.place(name))
        raise error.error(f"no profile {name!r} in the catalogue", hint)
    file = () if base is None else (Contribution("catalogue", "", base),)
    return (*file, *wants.defaults, *wants.overrides[name])


def described(parts: Sequence[Contribution]) -> Located:
    """Return the merged layers of one profile; stronger layers win."""
    values = [part.value for part in parts]
    if parts[0].is_settled:
        return reduce(layered, values)
    return reduce(layered, values, EMPTY)


def settled_profile(document: Located) -> Located:
    """Return a file of the catalogue with its operators applied: nothing is weaker than it."""
    return layered(EMPTY, document)


def layered(low: Located, high: Located) -> Located:
    """Return `low` merged deeply with `high`; entries of `UNMERGED` sections are replaced."""
    data = dict(low.data)
    for sign, name, entry in in_order(high):
        if entry.data is None:
            continue
        if sign:
            change_list(data, sign, name, entry)
        elif name in UNMERGED:
            data[name] = Located({**data.get(name, EMPTY).data, **entry.data}, entry.place)
        else:
            data[name] = overlaid(data[name], entry) if name in data else settled(entry)
    return Located(data, high.place)


def make_profile(
    name: str, data: Located, roles: Mapping[str, Role], variables: Mapping[str, Any], place: Place
) -> Profile:
    """Return the profile that the merged layers describe."""
    sealed = sealed_in(data)
    env = data.entries.get("env")
    entries = filled(data if sealed is None else covered(data))
    words = ("description", "state", "protected")
    role = _role(entries.get("role"), roles, place)
    refuse_hardening(entries.get("service"), roles[role])
    refuse_contradictions(entries, roles[role])
    refuse_settings(entries.get("service"), roles[role])
    if role == "gateway":
        refuse_ignored(entries.get("config"))
    texts = {key: entries[key].data for key in words if key in entries}
    return Profile(
        name=Public(name),
        role=role,
        config=plain(entries["config"]) if "config" in entries else {},
        env=env_values(env.entries) if env is not None else {},
        soul=_soul(entries["soul"]) if "soul" in entries else None,
        soul_file=shown(_soul_file(entries["soul"])) if "soul" in entries else "",
        files=profile_files(entries["files"]) if "files" in entries else {},
        service=service_settings(entries.get("service"), roles[role]),
        after=tuple(item.data for item in entries["after"].items) if "after" in entries else (),
        variables=Over({"hermes_profile": name}, variables),
        place=place,
        allow=allowances(entries["allow"]) if "allow" in entries else (),
        places=places_of(entries),
        sealed=sealed_error(sealed) if sealed else None,
        **texts,
    )


def _role(entry: Located | None, roles: Mapping[str, Role], place: Place) -> str:
    entry = entry or Located("gateway", place)
    if any(role.program and role.program.name == entry.data for role in roles.values()):
        raise entry.error(f"the role {entry.data!r} is a program, and has no service")
    if entry.data not in roles:
        raise entry.error(f"there is no role {entry.data!r}", suggestion(entry.data, roles))
    return str(entry.data)


def _soul_file(entry: Located) -> Path:
    return Path(entry.place.file).parent / str(entry.data)


def _soul(entry: Located) -> str:
    return named_text(_soul_file(entry), entry, "the soul").removeprefix(MARK)
