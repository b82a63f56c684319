"""How a machine is kept awake: `hermes_awake`, a frozen value. `loader` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FLAGS = ("idle", "display", "disk", "system", "user")
"""What may be kept from ending, or from sleeping: the words of `caffeinate`, spelt out."""

PMSET = frozenset(
    {
        "acwake", "autopoweroff", "autopoweroffdelay", "autorestart", "destroyfvkeyonstandby",
        "disablesleep", "disksleep", "displaysleep", "gpuswitch", "halfdim", "hibernatemode",
        "highstandbythreshold", "lessbright", "lidwake", "lowpowermode", "networkoversleep",
        "powermode", "powernap", "proximitywake", "ring", "sleep", "sms", "standby",
        "standbydelayhigh", "standbydelaylow", "tcpkeepalive", "ttyskeepawake", "womp",
    }
)  # fmt: skip
"""The settings of `pmset(1)` that have a number."""


@dataclass(frozen=True, slots=True)
class Awake:
    """What keeps a machine awake, or with `is_on` false that nothing of ours does."""

    is_on: bool = True
    flags: tuple[str, ...] = ("idle", "system")
    seconds: int = 0
    """How long after each start; 0 is without end."""
    follow: str = ""
    """The gateway that must run; empty: it is kept awake whatever runs."""
    home: str = ""
    """The home of that gateway, below the home of the user."""
    pmset: Mapping[str, int] = field(default_factory=dict)
