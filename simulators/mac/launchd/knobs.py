"""What differs between Macs: the points where reports disagree, and the host's own settings.

A knob is a word in a file that survives a reboot; `/opt/mac/sim knob NAME VALUE` writes it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path("/var/db/simulator/knobs.json")

CHOICES: dict[str, tuple[str, ...]] = {
    # the first word is the default; none: any word
    "gui_absent_code": ("125", "112", "5"),
    "already_loaded_code_root": ("5", "37", "17"),
    "disabled_code_user": ("5", "119"),
    "kickstart_running_code": ("0", "37"),
    "bootout_wait": ("false", "true"),
    "bootout_code_running": ("0", "36"),
    "kickstart_k_signal": ("SIGTERM", "SIGKILL"),
    "throttle": ("flat", "exponential"),
    "job_env": ("full", "minimal"),
    "spawn_fault": ("none", "registered_never_spawned", "btm_161"),
    "load_crash": ("no", "yes"),
    "filevault": ("off", "on"),
    "sudo": ("no", "yes"),
    "battery": ("no", "yes"),
    "developer_tools": ("no", "yes"),
}
WORDS = {
    "bootstrap_transient_eio": "0",
    "btm_denied": "",  # labels, separated by commas
    "autologin": "hermes",  # a user, or nothing
    "os_version": "26.5",
    "time_scale": "1",  # how many seconds of launchd pass in one second
}
DEFAULTS = {name: words[0] for name, words in CHOICES.items()} | WORDS


SHAPES = {
    "bootstrap_transient_eio": r"\d+",
    "btm_denied": r"[\w.,-]*",
    "autologin": r"[a-z]*",
    "os_version": r"1[3-5](\.\d+)+|2[67](\.\d+)+",
    "time_scale": r"0*[1-9]\d*",
}


class UnknownKnob(ValueError):
    """There is no such knob, or it has no such position."""


@dataclass(slots=True)
class Knobs:
    """All knobs by name."""

    values: dict[str, str]

    @classmethod
    def load(cls) -> Knobs:
        """Return the knobs as they were left."""
        kept = json.loads(FILE.read_text()) if FILE.exists() else {}
        return cls(DEFAULTS | kept)

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def number(self, name: str) -> int:
        """Return the value of a knob that is a whole number."""
        return int(self[name])

    @property
    def scale(self) -> float:
        """How many seconds of launchd pass in one second."""
        return float(self["time_scale"])

    def turn(self, name: str, value: str) -> None:
        """Set a knob; raise UnknownKnob for one that there is not."""
        if name not in DEFAULTS:
            raise UnknownKnob(f"no knob is called '{name}'; the knobs: {', '.join(DEFAULTS)}")
        if value not in CHOICES.get(name, (value,)):
            raise UnknownKnob(f"{name} is one of: {', '.join(CHOICES[name])}")
        if not re.fullmatch(SHAPES.get(name, ".*"), value):
            raise UnknownKnob(f"{name} cannot be '{value}': it has the shape {SHAPES[name]}")
        self.values[name] = value
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(json.dumps(self.values, indent=1) + "\n")

    def reset(self) -> None:
        """Set all knobs to their defaults."""
        self.values = dict(DEFAULTS)
        for file in FILE.parent.glob("*.json"):  # what pmset keeps, too
            file.unlink()
