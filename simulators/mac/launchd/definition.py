"""A job as its property list defines it."""

from __future__ import annotations

import grp
import plistlib
import pwd
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launchd.errors import Refused

STANDARD_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
KNOWN = frozenset(
    """
    Label Program ProgramArguments EnvironmentVariables WorkingDirectory RunAtLoad KeepAlive
    ThrottleInterval ExitTimeOut StandardInPath StandardOutPath StandardErrorPath ProcessType
    LimitLoadToSessionType AbandonProcessGroup Umask SoftResourceLimits HardResourceLimits
    UserName GroupName InitGroups StartInterval StartCalendarInterval Disabled
    AssociatedBundleIdentifiers LowPriorityIO Nice
    """.split()  # noqa: SIM905 - read more easily than a list
)
"""Keys that mean something here; launchd's log names all others."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a property list says; seconds are launchd's own."""

    label: str
    path: Path
    program: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    sessions: tuple[str, ...]
    raw: dict[str, Any] = field(repr=False)

    @property
    def keep_alive(self) -> bool | dict[str, Any]:
        """True, False, or the conditions."""
        value = self.raw.get("KeepAlive", False)
        return value if isinstance(value, dict) else bool(value)

    @property
    def starts_at_load(self) -> bool:
        """Whether it is started when it is loaded: any use of KeepAlive implies it."""
        return bool(self.raw.get("RunAtLoad") or self.keep_alive)

    @property
    def throttle(self) -> float:
        """Seconds between two starts; 0 is ignored."""
        return self._seconds("ThrottleInterval", 10) or 10

    @property
    def exit_timeout(self) -> float:
        """Seconds between SIGTERM and SIGKILL; 0: for ever."""
        return self._seconds("ExitTimeOut", 5)

    @property
    def umask(self) -> int:
        """The mask: an integer is decimal, a text is octal."""
        value = self.raw.get("Umask")
        if isinstance(value, str) and re.fullmatch("[0-7]{1,4}", value):
            return int(value, 8)
        return value if isinstance(value, int) else 0o022

    def _seconds(self, key: str, default: float) -> float:
        """Return a number of seconds; what is none counts as missing."""
        value = self.raw.get(key)
        return max(0.0, float(value)) if isinstance(value, int | float) else default

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key."""
        return self.raw.get(key, default)


def read(path: Path, owners: tuple[int, ...]) -> Definition:
    """Return the definition in a file that one of `owners` must own; raise Refused."""
    try:
        state = path.stat()
        text = path.read_bytes()
    except OSError:
        raise Refused(5) from None
    if state.st_uid not in owners or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Refused(122, str(path))
    try:
        raw = plistlib.loads(text)
    except Exception:  # plistlib raises whatever its parsers do
        raise Refused(109, str(path)) from None
    if not isinstance(raw, dict):
        raise Refused(109, str(path))
    return _definition(path, raw)


def _definition(path: Path, raw: dict[str, Any]) -> Definition:
    label = raw.get("Label")
    if not isinstance(label, str) or not label or "/" in label:
        raise Refused(110, str(path))
    words = raw.get("ProgramArguments") or []
    program = raw.get("Program") or (words[0] if words else "")
    strings = [program, *words] if isinstance(words, list) else [None]
    if not program or not all(isinstance(word, str) for word in strings):
        raise Refused(111, str(path))
    given = raw.get("EnvironmentVariables")
    variables = given.items() if isinstance(given, dict) else ()
    environment = {name: value for name, value in variables if isinstance(value, str)}
    sessions = raw.get("LimitLoadToSessionType", "Aqua")
    named = tuple(sessions) if isinstance(sessions, list) else (str(sessions),)
    return Definition(label, path, program, tuple(words or [program]), environment, named, raw)


def check_user(definition: Definition) -> None:
    """Raise Refused if the user or the group of a daemon does not exist."""
    if name := definition.get("UserName"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            raise Refused(114, str(definition.path)) from None
    if name := definition.get("GroupName"):
        try:
            grp.getgrnam(name)
        except KeyError:
            raise Refused(115, str(definition.path)) from None
