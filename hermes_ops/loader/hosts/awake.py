"""`hermes_awake`: whether the machine is kept awake, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hermes_ops.inventory.awake import FLAGS, PMSET, Awake
from hermes_ops.inventory.model import Profile
from hermes_ops.inventory.role import Role
from hermes_ops.loader.located import Located, Variables
from hermes_ops.loader.schema import WORD, Each, Fields, Key, Kind, filled, one_of, suggestion
from hermes_ops.services.base import home_of

_LONGEST = 10**7
_SECONDS = Kind(
    "a whole number of seconds from 1",
    lambda value: type(value) is int and 0 < value <= _LONGEST,
    {"type": "integer", "minimum": 1, "maximum": _LONGEST},
)
_SETTING = Kind(
    "a whole number from 0, or true or false",
    lambda value: isinstance(value, int) and value >= 0,
    {"type": ["integer", "boolean"], "minimum": 0},
)
_FLAGS = Each(one_of(*FLAGS), may_be_empty=False)
AWAKE = Fields(
    {
        "flags": Key(_FLAGS, " | ".join(FLAGS), list(Awake().flags)),
        "seconds": Key(_SECONDS, "how long after each start", otherwise="without end"),
        "follow": Key(WORD, "the gateway that must run", otherwise="none"),
        "pmset": Key(Fields(dict.fromkeys(sorted(PMSET), _SETTING)), "of a Mac, with sudo"),
    },
    or_boolean=True,
)


def awake_of(
    found: Variables, host: str, profiles: Sequence[Profile], roles: Mapping[str, Role]
) -> Awake | None:
    """Return what `hermes_awake` says, None if it is not set.

    Raises:
        InventoryError: it follows what is no gateway of this host, or both that and a time.
    """
    value = found.get("hermes_awake")
    if value is None or value.data is None:
        return None
    if isinstance(value.data, bool):
        return Awake(is_on=value.data)
    parts = filled(value)
    if {"seconds", "follow"} <= parts.keys():
        raise parts["follow"].error("'seconds' and 'follow' exclude each other", "leave one out")
    followed = _followed(parts["follow"], host, profiles) if "follow" in parts else None
    return Awake(
        flags=_flags(parts) or Awake().flags,
        seconds=parts["seconds"].data if "seconds" in parts else 0,
        follow=followed.name if followed else "",
        home=home_of(followed, roles[followed.role]) if followed else "",
        pmset={k: int(v.data) for k, v in _settings(parts).items()},
    )


def _flags(parts: Mapping[str, Located]) -> tuple[str, ...]:
    written = [item.data for item in parts["flags"].items] if "flags" in parts else []
    return tuple(flag for flag in FLAGS if flag in written)


def _settings(parts: Mapping[str, Located]) -> Mapping[str, Located]:
    return filled(parts["pmset"]) if "pmset" in parts else {}


def _followed(entry: Located, host: str, profiles: Sequence[Profile]) -> Profile:
    gateways = {p.name: p for p in profiles if p.role == "gateway" and p.state != "absent"}
    if entry.data not in gateways:
        message = f"'follow' names {entry.data!r}, which is no gateway of {host}"
        raise entry.error(message, suggestion(entry.data, gateways))
    return gateways[entry.data]
