"""The verbs of `launchctl` that take a domain or a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from launchd import errors, legacy, printing
from launchd.errors import Refused
from launchd.job import Job, signal_number
from launchd.loading import bootout, bootstrap
from launchd.loop import in_turn
from launchd.targets import (
    Answer,
    Call,
    Deferred,
    Stop,
    Target,
    domain_of,
    failed,
    job_of,
    not_found,
    target_of,
)

VERSION = (
    "Darwin Bootstrapper Version 7.0.0: Thu Jan  1 00:00:00 UTC 2026; "
    "root:libxpc_executables-3089.0.0/launchd/RELEASE_ARM64E\n"
)
Verb = Callable[[Call], "Answer | Deferred"]


def kickstart(call: Call) -> Answer | Deferred:
    """Start a job now; with -k end it first."""
    words = list(call.words)
    flags = ""
    while words and words[0].startswith("-"):
        flags += words.pop(0)[1:]
    usage = "[-k] [-p] <service-target>"
    if set(flags) - set("kps"):
        raise Stop(64, f"Unrecognized flag.\nUsage: launchctl kickstart {usage}\n")
    target = target_of("kickstart", call, usage, service=True, words=tuple(words))
    try:
        job = job_of(domain_of(call, target), target)
        if job.killed:
            raise Refused(37)
    except Refused as refused:
        return _kickstart_refused(target, refused)
    if job.pid and "k" in flags:
        return lambda reply: _restart(call, job, lambda: reply(_started(call, job, flags)))
    if job.pid:
        return Answer(call.machine.knobs.number("kickstart_running_code"), _pid(call, job, flags))
    job.start("non-ipc demand")
    return _started(call, job, flags)


def _kickstart_refused(target: Target, refused: Refused) -> Answer:
    if refused.code == 113:
        return Answer(113, err=not_found(target))
    return Answer(
        refused.code, err=failed(f'Could not kickstart service "{target.label}"', refused.code)
    )


def _restart(call: Call, job: Job, then: Callable[[], object]) -> None:
    hard = call.machine.knobs["kickstart_k_signal"] == "SIGKILL"
    job.stop(in_turn(lambda: job.start("non-ipc demand"), then), hard=hard)


def _started(call: Call, job: Job, flags: str) -> Answer:
    return Answer(0, _pid(call, job, flags))


def _pid(call: Call, job: Job, flags: str) -> str:
    if "p" not in flags:
        return ""
    return f"service spawned with pid: {job.pid}\n" if call.terminal else f"{job.pid}\n"


def print_(call: Call) -> Answer:
    """Show a domain or a job."""
    target = target_of("print", call, "<domain-target> | <service-target>", service=None)
    try:
        domain = domain_of(call, target, change=False)
        if target.label:
            return Answer(0, printing.job(job_of(domain, target)))
        return Answer(0, printing.domain(domain, call.machine.overrides.of(domain)))
    except Refused as refused:
        code = refused.code
    if code == 113:
        return Answer(code, err=f"Bad request.\n{not_found(target)}")
    if code == 112:
        return Answer(code, err=f"Bad request.\nCould not find domain for {target.phrase}\n")
    what = "service" if target.label else "domain"
    return Answer(code, err=failed(f"Could not print {what}", code))


def print_disabled(call: Call) -> Answer:
    """Show what was disabled and enabled."""
    target = target_of("print-disabled", call, "<domain-target>", service=False)
    try:
        domain = domain_of(call, target, change=False)
    except Refused as refused:
        return Answer(refused.code, err=failed("Could not print disabled services", refused.code))
    lines = printing.disabled_block(call.machine.overrides.of(domain))
    return Answer(0, "\n" + "".join(f"\t{line}\n" for line in lines))


def enable(call: Call) -> Answer:
    """Let a job be loaded from now on."""
    return _override(call, "enable", disabled=False)


def disable(call: Call) -> Answer:
    """Let a job not be loaded from now on; one that is stays."""
    return _override(call, "disable", disabled=True)


def _override(call: Call, verb: str, *, disabled: bool) -> Answer:
    target = target_of(verb, call, "<service-target>", service=True)
    try:
        domain = domain_of(call, target)
    except Refused as refused:
        return Answer(refused.code, err=failed(f"Could not {verb} service", refused.code))
    call.machine.overrides.set(domain, target.label, disabled=disabled)
    return Answer()


def kill(call: Call) -> Answer:
    """Send a signal to a job's process."""
    number = signal_number(call.words[0]) if call.words else None
    if number is None:
        raise Stop(64, "Usage: launchctl kill <signal-number|signal-name> <service-target>\n")
    target = target_of(
        "kill", call, "<signal-name> <service-target>", service=True, words=call.words[1:]
    )
    try:
        job = job_of(domain_of(call, target), target)
    except Refused as refused:
        if refused.code == 1:
            return Answer(1, err="Not privileged to signal service.\n")
        return _other_refusal(target, refused, "Could not signal service")
    if not job.pid:
        return Answer(3, err="No process to signal.\n")
    job.send(number)
    return Answer()


def blame(call: Call) -> Answer:
    """Show why a job runs."""
    target = target_of("blame", call, "<service-target>", service=True)
    try:
        job = job_of(domain_of(call, target, change=False), target)
    except Refused as refused:
        return _other_refusal(target, refused, "Could not blame service")
    if not job.pid:
        return Answer(3, err="No process to signal.\n")
    return Answer(0, f"{job.reason}\n")


def _other_refusal(target: Target, refused: Refused, what: str) -> Answer:
    said = not_found(target) if refused.code == 113 else failed(what, refused.code)
    return Answer(refused.code, err=said)


def error(call: Call) -> Answer:
    """Show the text of a code."""
    word = call.words[-1] if call.words else ""
    if not word.lstrip("-").isdigit():
        raise Stop(64, "Usage: launchctl error [posix|mach|bootstrap] <code>\n")
    return Answer(0, f"{word}: {errors.text(int(word))}\n")


def asuser(call: Call) -> Answer:
    """Run a command in a user's session, as far as root may: its uid and environment stay."""
    if len(call.words) < 2 or not call.words[0].isdigit():
        raise Stop(64, "Usage: launchctl asuser <UID> <command> [args...]\n")
    if not call.is_root:
        return Answer(
            1, err="Could not switch to audit session 0x186a4: 1: Operation not permitted\n"
        )
    return Answer(run=call.words[1:])


def reboot(call: Call) -> Answer:
    """Restart the Mac."""
    if not call.is_root:
        return Answer(1, err="Operation not permitted\n")
    call.machine.loop.later(
        0.05 * call.machine.knobs.scale, lambda: call.machine.go_down(reboot=True)
    )
    return Answer()


VERBS: Mapping[str, Verb] = {
    "bootstrap": bootstrap,
    "bootout": bootout,
    "kickstart": kickstart,
    "print": print_,
    "print-disabled": print_disabled,
    "enable": enable,
    "disable": disable,
    "kill": kill,
    "blame": blame,
    "error": error,
    "asuser": asuser,
    "reboot": reboot,
    "version": lambda _: Answer(0, VERSION),
    "managername": lambda call: Answer(0, f"{call.caller.session}\n"),
    "manageruid": lambda call: Answer(0, f"{call.caller.session_uid}\n"),
    "managerpid": lambda _: Answer(0, "1\n"),
    **legacy.VERBS,
}
