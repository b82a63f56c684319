"""Findings about a single profile or host: weak keys, exposed credentials, sticky profiles."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

from hermes_ops.audit.finding import Finding, Side, make, united
from hermes_ops.audit.model import SOURCE, Holder, Machine, Setting, at, first_set
from hermes_ops.hermes import identities, platforms
from hermes_ops.secrets.names import holds_credential

_Check = Callable[[Holder], Iterable[Finding]]


def exposed(holders: Iterable[Holder]) -> list[Finding]:
    """Return weak, placeholder and exposed credentials, each once for each profile."""
    return united(finding for holder in holders for check in _CHECKS for finding in check(holder))


def _weak(holder: Holder) -> Iterator[Finding]:
    """Hermes' rule: at least 16 characters, and not one of its placeholders."""
    if "api_server" not in platforms.expected(holder.tree, holder.variables):
        return
    key = first_set(holder, "api_server", ("API_SERVER_KEY", "key"))
    if key is None:
        said = f"{holder.target} serves its API without an API_SERVER_KEY"
        yield _of(holder, "weak-key", Setting("API_SERVER_KEY"), said)
    elif reason := _why_weak(key):
        yield _of(holder, "weak-key", key, f"the API key of {holder.target} {reason}")


def _why_weak(key: Setting) -> str:
    if "placeholder" in key.traits:
        return "is left from an example"
    if "reference" in key.traits and key.name != "API_SERVER_KEY":
        return "is the text ${…} itself: Hermes expands nothing there"
    return "has fewer than 16 characters" if "short" in key.traits else ""


def _left(holder: Holder) -> Iterator[Finding]:
    tokens = identities.token_names()
    for setting in (*holder.env.values(), *holder.config.values()):
        last = setting.name.rpartition(".")[2]
        case = "token" if last in tokens else "api" if last == "API_SERVER_KEY" else "other"
        if holds_credential(setting.name) and (reason := _why_left(setting, case)):
            yield _of(holder, "placeholder", setting, reason, case=case)


def _why_left(setting: Setting, case: str) -> str:
    is_refused = "placeholder" in setting.traits
    # What Hermes refuses as the key of its API is reported as `weak-key`.
    if (is_refused and case != "api") or ("left" in setting.traits and not is_refused):
        return "left from an example"
    return "too short to be a token" if case == "token" and "tiny" in setting.traits else ""


def _in_config(holder: Holder) -> Iterator[Finding]:
    for name, setting in holder.config.items():
        last = name.rpartition(".")[2]
        exposed = holds_credential(name) or (last == "key" and "api_server" in name)
        if exposed and not setting.is_empty and "reference" not in setting.traits:
            yield _of(holder, "credential-in-config", setting)


def _in_service(holder: Holder) -> Iterator[Finding]:
    for setting in holder.service:
        if holds_credential(setting.name) and not setting.is_empty:
            yield _of(holder, "credential-in-unit", setting)


def _open(holder: Holder) -> Iterator[Finding]:
    for path, mode in holder.files:
        if not mode & 0o077:
            continue
        who = "everybody on the host" if mode & 0o007 else "its group"
        setting = Setting(path.rpartition("/")[2], place=at(holder.host, path))
        severity = "warning" if setting.name.startswith("config.yaml") else ""
        yield _of(holder, "open-file", setting, f"{who} (mode {mode:04o})", severity,
                  path=f"~/{shlex.quote(str(path))}")  # fmt: skip


def _unreadable(holder: Holder) -> Iterator[Finding]:
    for path, error in holder.broken:
        setting = Setting(path.rpartition("/")[2], place=at(holder.host, path))
        yield _of(holder, "unreadable", setting, error)


_CHECKS: tuple[_Check, ...] = (_weak, _left, _in_config, _in_service, _open, _unreadable)


def _of(
    holder: Holder, kind: str, setting: Setting, what: str = "", severity: str = "", **more: str
) -> Finding:
    places = (setting.place,) if setting.place else ()
    side = Side(holder.host, holder.profile, places)
    mark = next(iter(setting.marks), "")
    shown = "" if mark.startswith(SOURCE) else mark
    return make(kind, setting.name, (side,), what, severity=severity, fingerprint=shown, **more)


def of_machines(machines: Iterable[Machine]) -> Iterator[Finding]:
    """Yield the findings about a host as a whole."""
    for machine in machines:
        for short, long in combinations(sorted(machine.names), 2):
            if long.startswith(short):
                sides = (Side(machine.host, short), Side(machine.host, long))
                yield make("ambiguous-name", short, sides, long)
        if machine.sticky:
            side = Side(machine.host, None, (machine.place,))
            yield make("sticky-profile", machine.sticky, (side,))
