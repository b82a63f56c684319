"""What a verb is told to act on, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from launchd import errors
from launchd.domain import Domain, phrase
from launchd.errors import Refused
from launchd.job import Job
from launchd.machine import Caller, Machine

MANUAL = "Please refer to `man launchctl` for explanation of the <domain-target> specifiers.\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What `launchctl` prints, and how it ends; -6: it aborts. `run` is run in its place."""

    code: int = 0
    out: str = ""
    err: str = ""
    run: tuple[str, ...] = ()


Reply = Callable[[Answer], object]
Deferred = Callable[[Reply], object]
"""An answer that comes later."""


class Stop(Exception):
    """A verb ends early with an answer."""

    def __init__(self, code: int, err: str = "", out: str = "") -> None:
        super().__init__(code)
        self.answer = Answer(code, out, err)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `launchctl`."""

    machine: Machine
    caller: Caller
    words: tuple[str, ...]
    folder: str
    terminal: bool

    @property
    def is_root(self) -> bool:
        """Whether root calls."""
        return self.caller.uid == 0

    @property
    def own_domain(self) -> Domain:
        """The domain that the legacy verbs act on."""
        if self.is_root:
            return self.machine.system
        if self.caller.session == "Aqua":
            return self.machine.domains[f"gui/{self.caller.session_uid}"]
        return self.machine.user(self.caller.uid)


@dataclass(frozen=True, slots=True)
class Target:
    """`gui/501` or `gui/501/LABEL`."""

    kind: str
    uid: int
    label: str

    @property
    def phrase(self) -> str:
        """How an error calls the domain."""
        return phrase(self.kind, self.uid)


def parse(verb: str, text: str, usage: str, *, service: bool | None) -> Target:
    """Return a target; `service`: it must name one, must not, or may (None)."""
    found = re.fullmatch(r"(system)(?:/([^/]+))?|(gui|user|login)/(\d+)(?:/([^/]+))?/?", text)
    if found:
        kind, uid = found[1] or found[3], int(found[4] or 0)
        label = found[2] or found[5] or ""
        if service is None or service is bool(label):
            return Target(kind, uid, label)
    form = "<service-target> takes a form of <domain-target>/<service-id>.\n"
    raise Stop(
        64, f"Unrecognized target specifier.\nUsage: launchctl {verb} {usage}\n{form}{MANUAL}"
    )


def target_of(
    verb: str, call: Call, usage: str, *, service: bool | None, words: tuple[str, ...] | None = None
) -> Target:
    """Return the target among the words of a call, or among other words."""
    given = call.words if words is None else words
    return parse(verb, given[0] if given else "", usage, service=service)


def domain_of(call: Call, target: Target, *, change: bool = True) -> Domain:
    """Return the domain of a target; raise Refused if there is none or it is another's."""
    machine = call.machine
    if target.kind == "system":
        if change and not call.is_root:
            raise Refused(1)
        return machine.system
    if target.kind == "login":
        domain = _login(machine, target.uid)
    else:
        domain = machine.domains.get(f"{target.kind}/{target.uid}")
    if domain is None:
        known = target.kind == "gui" and f"user/{target.uid}" in machine.domains
        raise Refused(machine.knobs.number("gui_absent_code") if known else 112)
    if call.caller.uid not in (0, domain.uid):
        raise Refused(1)
    return domain


def _login(machine: Machine, asid: int) -> Domain | None:
    guis = [domain for domain in machine.domains.values() if domain.kind == "gui"]
    return next((domain for domain in guis if domain.asid == asid), None)


def job_of(domain: Domain, target: Target) -> Job:
    """Return a job; raise Refused with 113 if it is not loaded in this domain."""
    if target.label not in domain.jobs:
        raise Refused(113)
    return domain.jobs[target.label]


def not_found(target: Target) -> str:
    """Return what is said of a job that is not loaded."""
    return f'Could not find service "{target.label}" in domain for {target.phrase}\n'


def failed(what: str, code: int, *, hint: bool = False) -> str:
    """Return `Bootstrap failed: 5: Input/output error`, with the line that follows for users."""
    line = f"{what}: {code}: {errors.text(code)}\n"
    return line + "Try re-running the command as root for richer errors.\n" * (hint and code == 5)
