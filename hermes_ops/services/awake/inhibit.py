"""Linux: a unit that holds an inhibitor of logind, of the user where polkit lets it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.assets import TEMPLATES
from hermes_ops.errors import Conflict
from hermes_ops.files.layout import SYSTEMD_UNITS
from hermes_ops.files.quoting import systemd_program, systemd_word
from hermes_ops.inventory.awake import Awake
from hermes_ops.look.facts import Facts
from hermes_ops.services.awake.keeper import (
    MARK,
    Asks,
    AwakeOrder,
    Hold,
    Keeper,
    digest,
    following,
    pairs,
)
from hermes_ops.templates import rendered_here

_KEPT = {"idle": "idle", "system": "sleep"}
"""What logind calls the flags; the others are about a screen, a disk, a person."""
_LIST = (
    "said=$(systemd-inhibit --list --no-pager --json=short 2>/dev/null) ||"
    " said=$(busctl call org.freedesktop.login1 /org/freedesktop/login1"
    " org.freedesktop.login1.Manager ListInhibitors --json=short) &&"
    ' echo "${said:-[]}"'
)
"""Newer ones say it as JSON, and nothing at all if there is none."""
_SOURCE = "awake/hermes-awake.service.j2"
SCOPES = ("user", "system")


class Inhibit(Keeper):
    """systemd-inhibit as a service: of the user, or of the system where polkit refuses the user."""

    name = "inhibit"
    system = "Linux"

    def is_on(self, facts: Facts) -> bool:
        """Return whether a unit of ours is active."""
        return any(_unit(scope, facts)["ActiveState"] == "active" for scope in SCOPES)

    def where(self, facts: Facts) -> str:
        """Return the scope of the unit: user or system."""
        return next((scope for scope in SCOPES if _text(scope, facts) is not None), "")

    def holds(self, listed: str) -> tuple[Hold, ...] | None:
        """Return the inhibitors of sleep and idle, as logind lists them."""
        try:
            found = json.loads(listed)
            rows = found["data"][0] if isinstance(found, dict) else found
            holds = [_hold(row) for row in rows]
        except (ValueError, LookupError, TypeError, AttributeError):
            return None
        return tuple(one for one in holds if set(one.what.split(":")) & {"sleep", "idle"})

    def asks(self, uid: int) -> Asks:
        """Return what a check asks: of both scopes, as only one of them can have our unit."""
        user, system = (
            f"XDG_RUNTIME_DIR=/run/user/{uid} systemctl --user {{}} hermes-awake.service",
            f"systemctl {{}} hermes-awake-{uid}.service",
        )
        show, enabled = "show -p MainPID --value", "is-enabled --quiet"
        lingers = f'[ -e "/var/lib/systemd/linger/$(id -un {uid})" ]'
        return Asks(
            holds=_LIST,
            pid=f"{user.format(show)}; {system.format(show)}",
            stays=f"{{ {user.format(enabled)} && {lingers}; }} || {system.format(enabled)}",
        )

    def kept(self, awake: Awake) -> tuple[str, ...]:
        """Return the operations that are inhibited."""
        return tuple(_KEPT[flag] for flag in awake.flags if flag in _KEPT)

    def notes(self, awake: Awake, facts: Facts) -> Iterable[str]:
        """Yield what Linux does not have, and that a lid is not held."""
        lost = [flag for flag in awake.flags if flag not in _KEPT]
        lost += ["pmset"] if awake.pmset else []
        if awake.is_on and lost:
            yield f"hermes_awake: {', '.join(lost)} has no effect on Linux"
        if awake.is_on and self.sleeps_by_lid(facts):
            yield "it is a laptop: if its lid is closed, logind lets it sleep (HandleLidSwitch)"

    def orders(
        self, awake: Awake, facts: Facts, *, begins: bool, lingers: bool
    ) -> Iterable[AwakeOrder]:
        """Yield the unit, in the scope that may hold it, and the removal of one in the other."""
        if "logind" not in facts.awake:
            if awake.is_on:
                raise Conflict("systemd's logind is not there: nothing keeps it awake", hint=_NONE)
            return
        scope = self._scope(awake, facts) if awake.is_on else ""
        for other in SCOPES:
            if other != scope and _is_there(other, facts):
                reason = "the unit is in the other scope" if scope else "is not wanted"
                off = ("inhibit_off", other, _name(other, facts))
                yield _order(other, off, facts, "remove", reason)
        text = _wanted(scope, awake, facts, self.kept(awake))
        if scope and (why := _differs(scope, text, awake, facts, begins=begins)):
            action = "update" if _is_there(scope, facts) else "create"
            how = ("yes" if lingers else "", awake.follow and "follows")
            on = ("inhibit_on", scope, _name(scope, facts), *how, text)
            yield _order(scope, on, facts, action, why, lingers=lingers)

    def _scope(self, awake: Awake, facts: Facts) -> str:
        if not self.kept(awake):
            flags = ", ".join(awake.flags)
            raise Conflict(f"nothing on Linux is kept by {flags}", hint="add idle or system")
        for scope in SCOPES:
            _refuse_foreign(scope, facts)
        if all(f"may-{what}" in facts.awake for what in self.kept(awake)):
            return "user"
        if not facts.may_root:
            words = f"neither polkit nor sudo lets {facts.user} keep it awake"
            raise Conflict(words, hint=_polkit(facts), kind="missing_privilege")
        return "system"


def _order(
    scope: str, words: tuple[str, ...], facts: Facts, action: str, reason: str, *,
    lingers: bool = False,
) -> AwakeOrder:  # fmt: skip
    """Return the order on the unit of a scope: that of the system is root's."""
    seen = _seen(scope, facts)
    if scope == "system":
        if not facts.may_root:
            said = f"only root can change {_path(scope, facts)}"
            raise Conflict(said, hint=facts.way_to_root, kind="missing_privilege")
        return AwakeOrder((), "awake", action, reason, seen, root=words)
    return AwakeOrder(words, "awake", action, reason, seen, lingers=lingers)


_NONE = "leave out hermes_awake here, or let what runs this machine keep it awake"


def _polkit(facts: Facts) -> str:
    action = "org.freedesktop.login1.inhibit-block-sleep"
    allow = f"let polkit allow {action} to {facts.user}"
    return f"{facts.way_to_root}; or {allow}; or leave out hermes_awake here"


def _hold(row: Any) -> Hold:
    """Return an inhibitor from a row of systemd-inhibit, or of logind itself on the bus."""
    if isinstance(row, dict):
        return Hold(
            str(row["who"]), str(row["what"]), str(row["why"]), str(row["mode"]), row["pid"]
        )
    what, who, why, mode, _, pid = row
    return Hold(str(who), str(what), str(why), str(mode), int(pid))


def _unit(scope: str, facts: Facts) -> dict[str, str]:
    nothing = dict.fromkeys(("ActiveState", "UnitFileState", "Result"), "")
    return {**nothing, **pairs(facts.awake.get(f"{scope}-unit"))}


def _text(scope: str, facts: Facts) -> str | None:
    return facts.awake.get(f"{scope}-text")


def _is_there(scope: str, facts: Facts) -> bool:
    """Return whether a unit of ours is there, or runs without its file."""
    if (text := _text(scope, facts)) is not None:
        return MARK in text
    return _unit(scope, facts)["ActiveState"] == "active"


def _name(scope: str, facts: Facts) -> str:
    """Return the unit's name: in the scope of the system each user has one."""
    return "hermes-awake.service" if scope == "user" else f"hermes-awake-{facts.uid}.service"


def _path(scope: str, facts: Facts) -> PurePosixPath:
    folder = SYSTEMD_UNITS if scope == "user" else PurePosixPath("/etc/systemd/system")
    return folder / _name(scope, facts)


def _seen(scope: str, facts: Facts) -> tuple[tuple[PurePosixPath, str], ...]:
    return ((_path(scope, facts), digest(_text(scope, facts))),)


def _refuse_foreign(scope: str, facts: Facts) -> None:
    """Refuse a unit that somebody has masked, or written."""
    text = _text(scope, facts)
    if _unit(scope, facts)["UnitFileState"].startswith("masked"):
        name = _name(scope, facts)
        how = (
            f"systemctl --user unmask {name}"
            if scope == "user"
            else f"sudo systemctl unmask {name}"
        )
        raise Conflict(f"{name} is masked", hint=f"on the host: {how}")
    if text is not None and MARK not in text:
        path = str(_path(scope, facts))
        shown = path if path.startswith("/") else f"~/{path}"
        raise Conflict(f"{shown} is not ours", hint=f"on the host: mv {shown} {shown}.old")


def _differs(scope: str, text: str, awake: Awake, facts: Facts, *, begins: bool) -> str:
    """Return why the unit has to be written or started, empty if it need not."""
    unit, found = _unit(scope, facts), _text(scope, facts)
    if found is None:
        return "absent"
    if found.rstrip("\n") != text.rstrip("\n"):
        return "content differs"
    if unit["UnitFileState"] != "enabled":
        return "is not enabled"
    over = bool(awake.seconds) and unit["Result"] == "success" and not begins
    if unit["ActiveState"] == "active" or (unit["ActiveState"] == "inactive" and over):
        return ""
    return f"is {unit['ActiveState'] or 'not running'}"


def _wanted(scope: str, awake: Awake, facts: Facts, kept: tuple[str, ...]) -> str:
    values = {
        "user": facts.user,
        "seconds": awake.seconds,
        "command_line": _command_line(awake, facts, kept),
        "target": "default.target" if scope == "user" else "multi-user.target",
    }
    source = (TEMPLATES / _SOURCE).read_text(encoding="utf-8")
    return rendered_here(source, values, _SOURCE)


def _command_line(awake: Awake, facts: Facts, kept: tuple[str, ...]) -> str:
    why = f"Hermes gateways of {facts.user}"
    hold = ["systemd-inhibit", f"--what={':'.join(kept)}", "--mode=block", "--who=hermes-ops"]
    hold.append(f"--why={why}")
    if awake.follow:
        file = shlex.quote(f"{facts.home}/{awake.home}/gateway.pid")
        then = shlex.join([*hold, "tail"]) + ' --pid="$pid" -f /dev/null'
        script = following(file, 'grep -q hermes "/proc/$pid/cmdline" 2>/dev/null', then)
        return f"/bin/sh -c {systemd_word(script)}"
    words = [*hold[1:], "sleep", str(awake.seconds or "infinity")]
    return " ".join([systemd_program(hold[0]), *map(systemd_word, words)])
