"""macOS: an agent of launchd that runs caffeinate, and settings of pmset."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from html import escape

from hermes_ops.assets import TEMPLATES
from hermes_ops.errors import Conflict
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
from hermes_ops.services.launchd import AGENTS
from hermes_ops.templates import rendered_here

LABEL = "ai.hermes-ops.awake"
PLIST = AGENTS / f"{LABEL}.plist"
_SOURCE = "awake/ai.hermes-ops.awake.plist.j2"
_FLAGS = {
    "idle": ("-i", "PreventUserIdleSystemSleep"),
    "display": ("-d", "PreventUserIdleDisplaySleep"),
    "disk": ("-m", "PreventDiskIdle"),
    "system": ("-s", "PreventSystemSleep"),
    "user": ("-u", "UserIsActive"),
}
"""The option of caffeinate, and the assertion that it holds."""
_A_DAY = 86400
"""Without a time caffeinate declares the user active for five seconds only."""
_SOURCES = {"AC": "-c", "Battery": "-b", "UPS": "-u"}
"""The options of pmset by the headings of `pmset -g custom`."""


class Caffeinate(Keeper):
    """caffeinate under launchd, in the same domain as the gateways."""

    name = "caffeinate"
    system = "Darwin"

    def is_on(self, facts: Facts) -> bool:
        """Return whether our job runs."""
        return _job(facts)["Activity"] == "active"

    def where(self, facts: Facts) -> str:
        """Return the domain in which it is loaded, or that there is at least its file."""
        return _job(facts)["Domains"] or ("not loaded" if "text" in facts.awake else "")

    def holds(self, listed: str) -> tuple[Hold, ...] | None:
        """Return the assertions of processes, as pmset lists them."""
        if "Listed by owning process" not in listed:
            return None
        return tuple(
            Hold(m["who"], m["what"], m["why"], "", int(m["pid"])) for m in _HELD.finditer(listed)
        )

    def asks(self, uid: int) -> Asks:
        """Return what a check asks: of both domains, as launchd may have it in one of them."""
        job = f"/bin/launchctl print {{}}/{uid}/{LABEL} 2>/dev/null"
        barred = f"/bin/launchctl print-disabled gui/{uid} 2>/dev/null || :"
        return Asks(
            holds="/usr/bin/pmset -g assertions",
            pid=f"{{ {job.format('gui')}; {job.format('user')}; }} | sed -n 's/^.pid = //p'",
            stays=f"! {{ {barred}; }} | grep -q '\"{LABEL}\" => \\(disabled\\|true\\)' &&"
            f' [ -f "$HOME/{PLIST}" ]',
        )

    def kept(self, awake: Awake) -> tuple[str, ...]:
        """Return the assertions of these flags."""
        return tuple(_FLAGS[flag][1] for flag in awake.flags)

    def sleeps_by_lid(self, facts: Facts) -> bool:
        """Return whether it has a battery, and may sleep at all."""
        is_barred = _settings(facts).get("disablesleep") == {"-a": 1}
        return "lid" in facts.awake and not is_barred

    def notes(self, awake: Awake, facts: Facts) -> Iterable[str]:
        """Yield that a lid is not held, and which settings this Mac does not have."""
        if awake.is_on and self.sleeps_by_lid(facts):
            yield "it is a laptop: if its lid is closed, it sleeps, whatever caffeinate holds"
        known = _settings(facts)
        for name in sorted(awake.pmset) if awake.is_on and known else ():
            if name not in known:
                yield f"hermes_awake: pmset of this Mac has no {name}"

    def orders(
        self, awake: Awake, facts: Facts, *, begins: bool, lingers: bool
    ) -> Iterable[AwakeOrder]:
        """Yield the job and each setting of pmset that differs; what is not wanted goes back."""
        del lingers
        if "job" not in facts.awake:
            raise Conflict("launchd does not answer, or has no caffeinate", hint="look there again")
        text = facts.awake.get("text")
        if text is not None and MARK not in text:
            hint = f"on the host: mv ~/{PLIST} ~/{PLIST}.old"
            raise Conflict(f"~/{PLIST} is not ours", hint=hint)
        seen = ((PLIST, digest(text)),)
        if not awake.is_on and (text is not None or _job(facts)["Domains"]):
            yield AwakeOrder(("caffeinate_off",), "awake", "remove", "is not wanted", seen)
        elif awake.is_on and (why := _differs(awake, facts, begins=begins)):
            words = ("caffeinate_on", awake.follow and "follows", _plist(awake, facts))
            yield AwakeOrder(words, "awake", "create" if text is None else "update", why, seen)
        yield from _power(awake.pmset if awake.is_on else {}, facts)


_HELD = re.compile(
    r"^ +pid (?P<pid>\d+)\((?P<who>.*?)\): \[\w+\] \S+ (?P<what>\w+) named: \"(?P<why>.*?)\"",
    re.MULTILINE,
)


def _job(facts: Facts) -> Mapping[str, str]:
    nothing = dict.fromkeys(("Activity", "Domains", "Disabled", "Unread", "Code"), "")
    return {**nothing, **pairs(facts.awake.get("job"))}


def _differs(awake: Awake, facts: Facts, *, begins: bool) -> str:
    """Return why the job has to be loaded or loaded again, empty if it need not."""
    job, text = _job(facts), facts.awake.get("text")
    if text is None:
        return "absent"
    if text.rstrip("\n") != _plist(awake, facts).rstrip("\n"):
        return "content differs"
    if job["Disabled"] == "yes":
        return "is disabled"
    if job["Unread"] == "yes":
        return "launchd has read another text"
    over = bool(awake.seconds) and job["Domains"] and job["Code"] == "0" and not begins
    return "" if job["Activity"] == "active" or over else f"is {job['Activity'] or 'not loaded'}"


def _plist(awake: Awake, facts: Facts) -> str:
    words = [escape(word, quote=False) for word in _words(awake, facts)]
    values = {"label": LABEL, "argument_list": words, "seconds": awake.seconds}
    source = (TEMPLATES / _SOURCE).read_text(encoding="utf-8")
    return rendered_here(source, values, _SOURCE)


def _words(awake: Awake, facts: Facts) -> list[str]:
    words = ["/usr/bin/caffeinate", *(_FLAGS[flag][0] for flag in awake.flags)]
    seconds = awake.seconds or (_A_DAY if "user" in awake.flags else 0)
    words += ["-t", str(seconds)] if seconds else []
    if awake.follow:
        file = shlex.quote(f"{facts.home}/{awake.home}/gateway.pid")
        is_gateway = '/bin/ps -o command= -p "$pid" 2>/dev/null | grep -q hermes'
        script = following(file, f"{{ {is_gateway}; }}", shlex.join([*words, "-w"]) + ' "$pid"')
        return ["/bin/sh", "-c", script]
    return words


def _settings(facts: Facts) -> Mapping[str, Mapping[str, int]]:
    """Return the settings of pmset, each with its value on every source of power."""
    found: dict[str, dict[str, int]] = {}
    source = "-a"
    for line in facts.awake.get("custom", "").splitlines():
        if line.endswith("Power:"):
            source = _SOURCES.get(line.split()[0], "-a")
        elif match := re.match(r"\s+(\w+)\s+(\d+)", line):
            found.setdefault(match[1], {})[source] = int(match[2])
    if match := re.search(r"SleepDisabled\s+([01])", facts.awake.get("live", "")):
        found["disablesleep"] = {"-a": int(match[1])}
    return found


def _power(wanted: Mapping[str, int], facts: Facts) -> Iterator[AwakeOrder]:
    known = _settings(facts)
    for name, value in sorted(wanted.items()):
        found = known.get(name, {})
        if set(found.values()) - {value}:
            _refuse_without_sudo(facts)
            old = [f"{source} {name} {was}" for source, was in sorted(found.items())]
            was = " and ".join(map(str, sorted({*found.values()} - {value})))
            root = ("pmset_each", f"-a {name} {value}")
            why = f"is {was}, not {value}"
            yield AwakeOrder(("pmset_set", *old), f"pmset:{name}", "update", why, root=root)
    for name in dict.fromkeys(words[1] for words in _kept(facts)):
        if name not in wanted:
            _refuse_without_sudo(facts)
            old = [" ".join(words) for words in _kept(facts) if words[1] == name]
            yield AwakeOrder(
                ("pmset_back", name), f"pmset:{name}", "update", "is not wanted",
                root=("pmset_each", *old),
            )  # fmt: skip


def _kept(facts: Facts) -> list[list[str]]:
    """Return what pmset had before us: source, name and value.

    The user wrote it down, and root sets it: so nothing else may stand there.
    """
    lines = facts.awake.get("before", "").splitlines()
    return [line.split() for line in lines if re.fullmatch(r"-[abcu] [a-z]+ [0-9]+", line)]


def _refuse_without_sudo(facts: Facts) -> None:
    if not facts.may_root:
        hint = f"{facts.way_to_root}, or leave out pmset of hermes_awake"
        raise Conflict("only root sets pmset", hint=hint, kind="missing_privilege")
