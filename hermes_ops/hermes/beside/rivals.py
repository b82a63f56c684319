"""What else runs the home of a gateway: other processes, and units and lists of both scopes."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath

from hermes_ops.files.layout import LAUNCH_DAEMONS
from hermes_ops.look.facts import Facts, Invocation
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import ServiceManager

_DAEMONS = f"{LAUNCH_DAEMONS}/"
_SYSTEM = "/systemd/system/"
_COMMANDS = "/.local/bin/"
"""Where Hermes makes a command for each profile: it starts Hermes with `-p` and that name."""
CRON, CRONTAB = "/etc/cron", "crontab"


def is_gateway(argv: Sequence[str]) -> bool:
    """Whether a command line is that of a gateway: `python -m hermes_cli.main … gateway run`."""
    words = [word for word in argv if not word.startswith("-")]
    named = "hermes" in " ".join(argv).lower() or _COMMANDS in next(iter(argv), "")
    return named and ("gateway", "run") in pairwise(words)


def other_processes(home: str, pid: int | None, group: str, facts: Facts) -> Iterator[str]:
    """Yield each other process of this user that is a gateway of the home, in words.

    What shares the control group of the service was started by it, and is a part of it.
    """
    for other, command in sorted(facts.commands.items()):
        own = other == pid or (group and command.cgroup == group)
        if not own and is_gateway(command.argv):
            root = _root(command.home or f"{facts.account_home}/.hermes")
            if _home(command.argv, command.home or root) == home:
                yield f"process {other} runs this home, too"


def profile_of(command: Invocation, facts: Facts) -> str:
    """Return the profile of this user's that a process runs; empty if it is no such gateway."""
    if not is_gateway(command.argv):
        return ""
    root = f"{facts.home}/.hermes"  # that of the account, if HOME is not another folder
    home = _home(command.argv, command.home or f"{facts.account_home}/.hermes")
    name = home.removeprefix(f"{root}/profiles/")
    return "default" if home == root else name if name != home and "/" not in name else ""


@dataclass(slots=True)
class _Unit:
    """What the files of one unit say, as far as it matters here."""

    path: str
    is_own: bool
    user: str = ""
    home: str = ""
    command: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Of variables, from which systemd gives it its environment."""
    scripts: tuple[str, ...] = ()
    """What it calls that may be a script."""


def other_units(home: str, own: Collection[str], facts: Facts) -> Iterator[str]:
    """Yield the path of each unit of both scopes that runs a gateway of the home.

    `own`: the paths of the service's own units.
    """
    for unit in _units(own, facts):
        of_cron = unit.path.endswith(f"/{CRONTAB}") or unit.path.startswith(CRON)
        if not unit.is_own and not of_cron and _runs(unit, home, facts):
            yield unit.path


def _runs(unit: _Unit, home: str, facts: Facts) -> bool:
    """Whether a unit runs a gateway of the home: by itself, or by a script that it calls."""
    given = [_variable(facts, path) for path in unit.files]
    unit.home = next((found for found in reversed(given) if found), unit.home)
    if is_gateway(unit.command):
        return _home_of(unit, facts) == home
    for path in unit.scripts:
        for line in _lines(facts, path, "Runs"):
            own = _variable(facts, path) or unit.home
            script = replace(unit, home=own, command=tuple(_plain(line, facts).split()))
            if is_gateway(script.command) and _home_of(script, facts) == home:
                return True
    return False


def _variable(facts: Facts, path: str) -> str:
    """Return the HERMES_HOME that a file sets last, a script or one of variables."""
    found = [_plain(line, facts) for line in _lines(facts, path, "HERMES_HOME")]
    return found[-1].rstrip("/") if found else ""


def _lines(facts: Facts, path: str, key: str) -> list[str]:
    said = facts.unit_lines.get(path, ())
    return [line.removeprefix(f"{key}=") for line in said if line.startswith(f"{key}=")]


def _plain(text: str, facts: Facts) -> str:
    """Return a text of shell without its quotes, and with the home where it names that."""
    text = re.sub(r"[\"'\\;]", " ", text)
    return re.sub(
        r"\$\{HOME\}|\$HOME\b|(?<![^\s=])~(?=/)", lambda _: facts.account_home, text
    ).strip()


def own_units(service: ServiceSpec, manager: ServiceManager, facts: Facts) -> Iterable[str]:
    """Yield the paths of the units that are the service's own, of whichever scope.

    That of the other scope is so if we wrote it: it is left when the service is to run in this one.
    """
    for one in (one for one in MANAGERS.values() if one.family):
        beside = one.family != manager.family and not one.by_root
        if one is manager or beside or one.owns(service, facts):
            yield from (str(known.path) for known in one.paths(service) if known.kind == "unit")


def crons(home: str, facts: Facts) -> Iterator[str]:
    """Yield each file of cron that starts a gateway of the home: `crontab` is the user's own."""
    for path, lines in sorted(facts.unit_lines.items()):
        if not path.startswith((CRON, CRONTAB)):
            continue
        mine = (w for w in map(str.split, lines) if path == CRONTAB or _user(w) == facts.user)
        scripts = _Unit(path, is_own=False, user=facts.user, scripts=_scripts(facts, path))
        starts = any(is_gateway(words) and home_of_words(words, facts) == home for words in mine)
        if starts or _runs(scripts, home, facts):
            yield path


def _scripts(facts: Facts, path: str) -> tuple[str, ...]:
    return tuple(_lines(facts, path, "Script"))


def _user(words: Sequence[str]) -> str:
    """Return who runs a line of the system's cron: the field after `@reboot` or the times."""
    return next(iter(words[1 if words[0].startswith("@") else 5 :]), "")


def home_of_words(words: Sequence[str], facts: Facts) -> str:
    """Return the home that a command line of this user runs: variables may stand before it."""
    given = [word.partition("=")[2] for word in words if word.startswith("HERMES_HOME=")]
    return _home(words, *(given[:1] or [f"{facts.account_home}/.hermes"]))


def removal(path: str) -> str:
    """Return the command that takes a unit out of service, or a list of launchd."""
    if path.endswith(".plist"):
        return _unloading(path)
    name = shlex.quote(PurePosixPath(path).name)
    manager = "sudo systemctl" if _SYSTEM in path else "systemctl --user"
    folder = PurePosixPath(path).parent
    if folder.suffix == ".wants":
        return f"{manager} disable --now {name}"
    if folder.name == "transient":
        return f"{manager} stop {name}"
    sudo = "sudo " if path.startswith(("/etc/", "/usr/")) or _SYSTEM in path else ""
    # What systemd has not read yet, or cannot, is not stopped; its file goes all the same.
    reload, file = f"{manager} daemon-reload", f"{sudo}rm {shlex.quote(path)}"
    if folder.suffix == ".d":
        return f"{file} && {reload}"
    return f"{manager} disable --now {name}; {file} && {reload}"


def _unloading(path: str) -> str:
    file = shlex.quote(path)
    if path.startswith(_DAEMONS):
        return f"sudo launchctl bootout system {file}; sudo rm {file}"
    outs = (f"launchctl bootout {domain}/$(id -u) {file}" for domain in ("gui", "user"))
    sudo = "sudo " if path.startswith("/Library/") else ""
    return "; ".join((*outs, f"{sudo}rm {file}"))


def _units(own: Collection[str], facts: Facts) -> list[_Unit]:
    units: dict[str, _Unit] = {}
    # A unit before its drop-ins, which change it.
    for path, lines in sorted(facts.unit_lines.items(), key=lambda item: item[0].endswith(".conf")):
        name = str(PurePosixPath(path).parent).removesuffix(".d") if path[-5:] == ".conf" else path
        unit = units.setdefault(name, _Unit(_absolute(name, facts), name in own))
        _read(unit, lines, _specifiers(unit, facts))
    return list(units.values())


def _absolute(path: str, facts: Facts) -> str:
    return path if path.startswith("/") else f"{facts.home}/{path}"


def _read(unit: _Unit, lines: Sequence[str], specifiers: Mapping[str, str]) -> None:
    for line in lines:
        key, _, value = line.partition("=")
        value = re.sub("%.", lambda found: specifiers.get(found[0], found[0]), value)
        match key:
            case "User":
                unit.user = value.strip()
            case "HERMES_HOME":
                unit.home = value.rstrip("/'")
            case "EnvironmentFile":
                unit.files = (*unit.files, value.strip("-\"' "))
            case "Script":
                unit.scripts = (*unit.scripts, value)
            case "ExecStart":
                unit.command = tuple(re.sub(r"[\"'\\]", " ", value).split())


def _specifiers(unit: _Unit, facts: Facts) -> Mapping[str, str]:
    instance = posixpath.splitext(posixpath.basename(unit.path))[0].partition("@")[2]
    named = {"%i": instance, "%I": instance} if instance else {}
    own = {} if _SYSTEM in unit.path else {"%h": facts.account_home, "%u": facts.user}
    return {"%%": "%", **named, **own}


def _home_of(unit: _Unit, facts: Facts) -> str:
    """Return the home that a unit's gateway would run; empty if that is not known."""
    of_system = _SYSTEM in unit.path or unit.path.startswith(_DAEMONS)
    mine = not of_system or unit.user in (facts.user, str(facts.uid))
    default = f"{facts.account_home}/.hermes" if mine else ""
    given = unit.home or default
    return _home(unit.command, given) if given else ""


def _home(argv: Sequence[str], given: str) -> str:
    """Return the home that a command line runs: `-p NAME` counts more than HERMES_HOME."""
    for word, following in pairwise((*argv, "")):
        name = following if word in ("-p", "--profile") else word.partition("--profile=")[2]
        if name == "default":
            return _root(given)
        if name:
            return f"{_root(given)}/profiles/{name.lower()}"
    before, _, alias = next(iter(argv), "").partition(_COMMANDS)
    if alias not in ("", "hermes") and not alias.startswith("python"):
        return f"{before}/.hermes/profiles/{alias}"
    return posixpath.normpath(given)


@lru_cache(maxsize=1024)
def _root(home: str) -> str:
    path = PurePosixPath(home)
    return str(path.parent.parent if path.parent.name == "profiles" else path)
