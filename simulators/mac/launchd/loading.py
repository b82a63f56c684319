"""`bootstrap` and `bootout`: jobs come to a domain, and leave it."""

from __future__ import annotations

from pathlib import Path

from launchd import errors
from launchd.domain import Domain
from launchd.errors import Refused
from launchd.job import Job
from launchd.targets import Answer, Call, Deferred, Stop, domain_of, failed, target_of


def bootstrap(call: Call) -> Answer:
    """Load property lists in a domain."""
    usage = "<domain-target> [service-path, service-path2, ...]"
    target = target_of("bootstrap", call, usage, service=False)
    if not call.words[1:]:
        raise Stop(64, f"Usage: launchctl bootstrap {usage}\n")
    try:
        domain = domain_of(call, target)
        if _has_bad_luck(call):
            raise Refused(5)
    except Refused as refused:
        hint = not call.is_root
        return Answer(refused.code, err=failed("Bootstrap failed", refused.code, hint=hint))
    codes, said = [], ""
    for path in _property_lists(call, call.words[1:]):
        try:
            domain.load(path)
        except Refused as refused:
            code, lines = _refusal(call, refused)
            codes.append(code)
            said += lines
    code = codes[0] if len(codes) == 1 else 133
    return (
        Answer(code, err=said + failed("Bootstrap failed", code, hint=not call.is_root))
        if codes
        else Answer()
    )


def _has_bad_luck(call: Call) -> bool:
    """Whether this bootstrap is one of those that fail and later do not."""
    knobs = call.machine.knobs
    left = knobs.number("bootstrap_transient_eio")
    if left:
        knobs.turn("bootstrap_transient_eio", str(left - 1))
    return left > 0


def _property_lists(call: Call, words: tuple[str, ...]) -> list[Path]:
    paths = [Path(call.folder, word) for word in words]
    folders = [sorted(path.glob("*.plist")) if path.is_dir() else [path] for path in paths]
    return [path for found in folders for path in found]


def _refusal(call: Call, refused: Refused) -> tuple[int, str]:
    """Return code and first lines of a refusal: users are told less than root."""
    if call.is_root:
        about = f"{refused.about}: {errors.text(refused.code)}\n" if refused.about else ""
        return refused.code, about
    kept = {119: call.machine.knobs.number("disabled_code_user"), 124: 124}
    return kept.get(refused.code, 5), ""


def bootout(call: Call) -> Answer | Deferred:
    """Stop a job and forget it, or a whole domain."""
    usage = "<service-target>"
    words = call.words
    waits = words[:1] == ("--wait",) and call.machine.knobs["bootout_wait"] == "true"
    target = target_of("bootout", call, usage, service=None, words=words[1:] if waits else words)
    hint = not call.is_root
    try:
        domain = domain_of(call, target)
        if target.label:
            return _bootout(call, domain.jobs.get(target.label), 3, waits=waits)
        if paths := _property_lists(call, words[1:]):
            jobs = [_loaded_from(domain, path) for path in paths]
            return [_bootout(call, job, 5, waits=False) for job in jobs][-1]
        call.machine.log_out(domain.uid)
        return Answer()
    except Refused as refused:
        return Answer(refused.code, err=failed("Boot-out failed", refused.code, hint=hint))


def _bootout(call: Call, job: Job | None, unknown: int, *, waits: bool) -> Answer | Deferred:
    if job is None:
        raise Refused(unknown)
    if waits:
        return lambda reply: job.domain.remove(job, lambda: reply(Answer()))
    code = call.machine.knobs.number("bootout_code_running") if job.pid else 0
    job.domain.remove(job)
    return Answer(code, err=failed("Boot-out failed", code) if code else "")


def _loaded_from(domain: Domain, path: Path) -> Job | None:
    return next((job for job in domain.jobs.values() if job.definition.path == path), None)
