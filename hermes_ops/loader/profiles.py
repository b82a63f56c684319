"""Profiles: the catalogue, the layers upon it, and the frozen value at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from hermes_ops.errors import InventoryError, Place
from hermes_ops.inventory import (
    PROFILE_NAME,
    RESERVED_NAMES,
    STATES,
    Profile,
    Role,
    ServiceSettings,
)
from hermes_ops.loader.allowances import ALLOW, allowances, places_of
from hermes_ops.loader.env_values import env_values, scalar_text, variable_name
from hermes_ops.loader.located import NONE, Located, Variables, kind, merged, plain
from hermes_ops.loader.schema import (
    MAPPING,
    TEXT,
    WHOLE,
    WORD,
    Each,
    Kind,
    Record,
    check,
    one_of,
    suggestion,
)
from hermes_ops.loader.yaml_source import read, shown
from hermes_ops.quoting import unit_refusal

_MEMORY = re.compile(r"\d+(\.\d+)?[KMGT]?|\d+(\.\d+)?%|infinity")

MEMORY = Kind("an amount such as 512M or 2G", lambda value: bool(_MEMORY.fullmatch(str(value))))
SERVICE = Record(
    {
        "memory_max": MEMORY,
        "environment": MAPPING,
        "watchdog": WHOLE,
        "settings": MAPPING,
    }
)
PROFILE = Record(
    {
        "role": WORD,
        "description": TEXT,
        "config": MAPPING,
        "env": MAPPING,
        "soul": WORD,
        "service": SERVICE,
        "after": Each(WORD),
        "state": one_of(*STATES),
        "allow": ALLOW,
    }
)
"""What `profiles/*.yml`, `hermes_profile_defaults` and overrides may say."""


class Wanted(NamedTuple):
    """The profiles of a host as its layers name them, before the catalogue is asked."""

    defaults: Located | None = None
    overrides: Mapping[str, Located] = NONE
    described: frozenset[str] = frozenset()
    """Names that a mapping gave: they need no file in the catalogue."""


def load_catalogue(folders: Iterable[Path]) -> dict[str, Located]:
    """Return the profiles of every `profiles/*.yml`; of two with one name the last wins."""
    catalogue: dict[str, Located] = {}
    for folder in folders:
        catalogue.update({file.stem: _load_file(file) for file in _files(folder / "profiles")})
    return catalogue


def _files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.glob("*.y*ml") if file.suffix in (".yml", ".yaml"))
    for first, second in pairwise(files):
        if first.stem == second.stem:
            hint = f"{shown(first)} is one as well"
            raise InventoryError(
                "there are two files of this profile", hint=hint, where=shown(second)
            )
    return files


def _load_file(file: Path) -> Located:
    _check_name(file.stem, Place(shown(file)))
    document = read(file)
    if document.data is None:
        return Located({}, document.place)
    check(document, PROFILE, file.stem)
    return document


def _check_name(name: object, place: Place) -> None:
    entry = Located(name, place)
    if not isinstance(name, str):
        raise entry.error(f"the name of a profile must be a text, {name} is none", "quote it")
    if not PROFILE_NAME.fullmatch(name):
        hint = "small letters, digits, - and _, at most 64, the first a letter or a digit"
        raise entry.error(f"{name!r} cannot be the name of a profile", hint)
    if name in RESERVED_NAMES:
        hint = "reserved are: " + ", ".join(sorted(RESERVED_NAMES))
        raise entry.error(f"{name!r} is a name that Hermes keeps for itself", hint)


def wanted(layers: Sequence[Variables]) -> Wanted:
    """Return the profiles that a host's layers name, weakest layer first."""
    defaults = [layer["hermes_profile_defaults"] for layer in layers if _says(layer, "_defaults")]
    named = [layer["hermes_profiles"] for layer in layers if _says(layer, "s")]
    for value in defaults:
        check(value, PROFILE, "hermes_profile_defaults")
    overrides: dict[str, Located] = {}
    for value in named:
        for name, override in _named(value):
            known = overrides.get(name)
            overrides[name] = layered(known, override) if known else override
    described = {name for value in named for name in value.entries}
    return Wanted(_layered_all(defaults), overrides, frozenset(described))


def _says(layer: Variables, ending: str) -> bool:
    value = layer.get(f"hermes_profile{ending}")
    return value is not None and value.data is not None


def _named(value: Located) -> Iterable[tuple[str, Located]]:
    """Yield each name with its overrides, whether a list or a mapping gives them."""
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


def _layered_all(values: Sequence[Located]) -> Located | None:
    return reduce(layered, values) if values else None


def layered(low: Located, high: Located) -> Located:
    """Return profile `low` overlaid by `high`: deep, but each value of `env` is one thing.

    Else `{file: …}` upon `{env: …}` would be a reference with two kinds.
    """
    data = dict(low.data)
    for key, entry in high.entries.items():
        if entry.data is None:
            continue
        known = data.get(key)
        if known is None or known.data is None:
            data[key] = entry
        elif key == "env":
            data[key] = Located({**known.data, **entry.data}, entry.place)
        else:
            data[key] = merged(known, entry)
    return Located(data, high.place)


def described(name: str, wants: Wanted, catalogue: Mapping[str, Located]) -> Located:
    """Return everything that the layers say of one profile, the strongest on top."""
    override = wants.overrides[name]
    base = catalogue.get(name)
    if base is None and name not in wants.described:
        hint = suggestion(name, catalogue) or f"write profiles/{name}.yml"
        raise override.error(f"no profile {name!r} in the catalogue", hint)
    parts = [part for part in (base, wants.defaults, override) if part is not None]
    return reduce(layered, parts)


def make_profile(
    name: str, data: Located, roles: Mapping[str, Role], variables: Mapping[str, Any], place: Place
) -> Profile:
    """Return the profile that the merged layers describe."""
    entries = {key: entry for key, entry in data.entries.items() if entry.data is not None}
    texts = {key: entries[key].data for key in ("description", "state") if key in entries}
    return Profile(
        name=name,
        role=_role(entries.get("role"), roles, place),
        config=plain(entries["config"]) if "config" in entries else {},
        env=env_values(entries["env"].entries) if "env" in entries else {},
        soul=_soul(entries["soul"]) if "soul" in entries else None,
        service=_service(entries["service"]) if "service" in entries else ServiceSettings(),
        after=tuple(item.data for item in entries["after"].items) if "after" in entries else (),
        variables={**variables, "hermes_profile": name},
        place=place,
        allow=allowances(entries["allow"]) if "allow" in entries else (),
        places=places_of(entries),
        **texts,
    )


def _role(entry: Located | None, roles: Mapping[str, Role], place: Place) -> str:
    entry = entry or Located("gateway", place)
    if entry.data not in roles:
        raise entry.error(f"there is no role {entry.data!r}", suggestion(entry.data, roles))
    return str(entry.data)


def _soul(entry: Located) -> str:
    file: Path = Path(entry.place.file).parent / entry.data
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise entry.error(f"the soul {shown(file)} cannot be read: {reason}") from None


def _service(entry: Located) -> ServiceSettings:
    entries = {key: value for key, value in entry.entries.items() if value.data is not None}
    memory = entries.get("memory_max")
    return ServiceSettings(
        memory_max=str(memory.data) if memory else None,
        environment=_environment(entries["environment"]) if "environment" in entries else {},
        watchdog=entries["watchdog"].data if "watchdog" in entries else 0,
        settings=plain(entries["settings"]) if "settings" in entries else {},
    )


def _environment(section: Located) -> dict[str, str]:
    found = {}
    for key, entry in section.entries.items():
        name, value = variable_name(key, entry), scalar_text(str(key), entry)
        if reason := unit_refusal(value, name):
            raise entry.error(f"{name} cannot be given to a service: {reason}")
        found[name] = value
    return found
