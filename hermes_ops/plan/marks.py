"""Keyed fingerprints of values written into a `.env` from references, stored on the host.

A line has a variable with a mark of the operator's key (`NAME.KEY`), the fingerprint of its source
and that of its value. With it a later look can tell whether the value is still the one that was
written, without asking its source. Each operator has own lines, as keys differ; older versions
wrote lines without a mark (`NAME`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hermes_ops.files import envfile
from hermes_ops.inventory.model import Inventory, Profile
from hermes_ops.secrets.fingerprint import fingerprint
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.secret import Secret

Marks = Mapping[str, str]
"""For each variable, the fingerprints of its source and of its value."""


def with_marks(inventory: Inventory, secrets: Mapping[Reference, Secret], key: bytes) -> Inventory:
    """Return the inventory with the marks of resolved references in each profile."""
    hosts = (
        replace(
            host,
            profiles=tuple(
                replace(profile, marks=_marks(profile, secrets, key)) for profile in host.profiles
            ),
        )
        for host in inventory.hosts
    )
    return replace(inventory, hosts=tuple(hosts))


def _marks(profile: Profile, secrets: Mapping[Reference, Secret], key: bytes) -> Marks:
    return {
        _line(name, key): f"{_source(value, key)} {fingerprint(key, secrets[value])}"
        for name, value in _references(profile)
        if value in secrets
    }


def _line(name: str, key: bytes) -> str:
    return f"{name}.{fingerprint(key, 'the key of this operator')[:8]}"


def _references(profile: Profile) -> Iterable[tuple[str, Reference]]:
    return ((n, value) for n, value in profile.env.items() if isinstance(value, Reference))


def _source(reference: Reference, key: bytes) -> str:
    return fingerprint(key, f"{reference.kind} {reference.argument}")


def merged(kept: str, marks: Marks) -> str:
    """Return the stored text after these values were written: lines about older ones are gone."""
    written = set(map(_variable, marks))
    rest = {name: both for name, both in _read(kept).items() if _variable(name) not in written}
    return _text({**rest, **marks})


def recorded(kept: str, marks: Marks) -> str:
    """Return the stored text with marks of values that are there already, whoever wrote them."""
    known = set(map(_variable, marks))
    rest = {name: both for name, both in _read(kept).items() if name not in known}
    return _text({**rest, **marks})


def _variable(line: str) -> str:
    return line.partition(".")[0]


def _text(lines: Marks) -> str:
    return "".join(f"{name} {both}\n" for name, both in sorted(lines.items()))


def _read(kept: str) -> dict[str, str]:
    parts = (line.partition(" ") for line in kept.splitlines())
    return {name: both for name, _, both in parts if both}


def has_moved(profile: Profile, env: str, kept: str, key: bytes) -> bool | None:
    """Return whether a value is not the one that was written, or its reference another one now.

    None if unknown: this operator has recorded nothing about it.
    """
    lines, values = _read(kept), envfile.read(env)
    judged = []
    for name, reference in _references(profile):
        mine = lines.get(_line(name, key), "")
        source, value = _source(reference, key), fingerprint(key, values.get(name, ""))
        moved = _has_moved(mine or lines.get(name, ""), source, value)
        judged.append(True if mine and moved is None else moved)
    if True in judged:
        return True
    return None if None in judged else False


def _has_moved(both: str, source: str, value: str) -> bool | None:
    was_from, _, was = both.partition(" ")
    return was != value if was_from == source else None
