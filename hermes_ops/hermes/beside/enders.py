"""What would end a gateway, by what units and lists of cron say: it runs well until they do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import groupby, pairwise

from hermes_ops.errors import Conflict
from hermes_ops.hermes.beside.rivals import CRON, CRONTAB, home_of_words, removal
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceSpec

_VERBS = {"stop", "kill", "disable", "mask"}
_STARTS = {"start", "restart"}
_WITH_UNIT = {"-M", "--machine", "-H", "--host", "-s", "--signal", "-p", "--property"}
"""Options of `systemctl` with a word of their own behind them."""
_KILLERS = {"kill", "pkill", "killall"}
_OF_USER = {"-u", "-U", "--euid", "--uid"}
_WITH_VALUE = {*_OF_USER, "-g", "-G", "-t", "-P", "-s", "--signal"}
_HARMLESS = re.compile(r"-(0|HUP|SIGHUP|USR1|SIGUSR1|USR2|SIGUSR2|CONT|SIGCONT|1|10|12|18)$")
"""Signals that end no gateway."""


def enders(service: ServiceSpec, id: str, own: Collection[str], facts: Facts) -> Iterator[Conflict]:
    """Yield the units and the lines of cron that end a gateway, each with what takes that away.

    `id`: the name of its unit. `own`: the paths of its own units.
    """
    for path, lines in sorted(facts.unit_lines.items()):
        if path in own or path.rpartition(".d/")[0] in own:
            continue
        of_cron = path.startswith((CRON, CRONTAB))
        commands = [_command(line, path, facts) for line in lines]
        if not of_cron:  # a unit runs all of its own: another line may start it again
            commands = [[word for words in commands for word in (*words, ";")]]
        if any(_ends(words, service, id, facts) for words in commands):
            edit = "crontab -e" if path == CRONTAB else f"sudo -e {shlex.quote(path)}"
            hint = f"take that line out: {edit}" if of_cron else removal(_whole(path, facts))
            shown = path if path == CRONTAB else _shown(path)
            yield Conflict(f"{shown} ends {id}", hint=f"on the host: {hint}")


def _shown(path: str) -> str:
    return path if path.startswith("/") else f"~/{path}"


def _whole(path: str, facts: Facts) -> str:
    return path if path.startswith("/") else f"{facts.home}/{path}"


def _command(line: str, path: str, facts: Facts) -> list[str]:
    """Return the words that a line runs; those of a unit that conflicts count as a stop."""
    if path.startswith((CRON, CRONTAB)):
        words = _words(line)
        named = path == "/etc/crontab" or path.startswith(f"{CRON}.d/")
        return words if not named or {facts.user, "root"} & set(words[:6]) else []
    key, _, value = line.partition("=")
    if key in ("Conflicts", "PropagatesStopTo"):
        return ["systemctl", "stop", *value.split()]
    return _words(value) if key.startswith("Exec") else []


def _words(text: str) -> list[str]:
    """Return the words of a command line; a `;` stands where another command begins."""
    return re.sub(r"[\"'\\()]", " ", re.sub(r"[;&|]+", " ; ", text)).split()


def _ends(words: Iterable[str], service: ServiceSpec, id: str, facts: Facts) -> bool:
    """Whether these commands leave it ended: a backup may stop it, and start it again."""
    commands = (list(group) for is_end, group in groupby(words, ";".__eq__) if not is_end)
    told = [_effect(command, service, id, facts) for command in commands]
    return next((effect for effect in reversed(told) if effect is not None), False)


def _effect(words: Sequence[str], service: ServiceSpec, id: str, facts: Facts) -> bool | None:
    """Return whether a command ends it, False if it starts it, None if it does neither."""
    for number, word in enumerate(words):
        name, rest = word.lstrip("-@:+!").rpartition("/")[2], words[number + 1 :]
        stops = name == "systemctl" and _orders(rest, id, _VERBS)
        if stops or (name in _KILLERS and _kills(name, rest, service, facts)):
            return True
        if name == "systemctl" and _orders(rest, id, _STARTS):
            return False
        if word == "gateway" and rest and rest[0] in ("stop", *_STARTS):
            is_own = home_of_words(words, facts) == f"{facts.home}/{service.home}"
            return rest[0] == "stop" if is_own else None
    return None


def _orders(words: Sequence[str], id: str, verbs: Collection[str]) -> bool:
    """Whether `systemctl` with these words does that to the unit: its name may be a pattern."""
    plain = [word for before, word in pairwise(["", *words]) if before not in _WITH_UNIT]
    verb, *targets = [word for word in plain if not word.startswith("-")] or [""]
    names = (id, id.removesuffix(".service"))
    return verb in verbs and any(fnmatchcase(name, one) for one in targets for name in names)


def _kills(name: str, words: Sequence[str], service: ServiceSpec, facts: Facts) -> bool:
    """Whether a signal goes to its process: by its command line, its name, or its pid file."""
    if any(_HARMLESS.match(word) for word in words):
        return False
    if name == "kill":
        return any(f"{service.home}/gateway.pid" in word for word in words)
    options = {word: at for at, word in enumerate(words) if word.startswith("-")}
    last = max(options.values(), default=-1)
    option, behind = words[last] if options else "", words[last + 1 :]
    if option in _WITH_VALUE:
        user, *behind = behind or [""]
        if not behind:
            return option in _OF_USER and user in (facts.user, str(facts.uid))
    line = f"hermes python -m hermes_cli.main --profile {service.profile} gateway run"
    pattern = " ".join(behind)
    with suppress(re.error):
        return bool(pattern and re.search(pattern, line))
    return False
