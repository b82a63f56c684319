"""The verbs of old: they take no domain, and act on that of the caller's session."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from launchd import definition, printing
from launchd.errors import Refused
from launchd.job import Job
from launchd.targets import Answer, Call, Stop


def list_(call: Call) -> Answer:
    """Show all jobs, or one."""
    jobs = call.own_domain.jobs
    if not call.words:
        return Answer(0, printing.listing(jobs.values()))
    label = call.words[-1]
    if label not in jobs:
        return Answer(113, err=f'Could not find service "{label}" in domain for port\n')
    return Answer(0, printing.dictionary(jobs[label]))


def load(call: Call) -> Answer:
    """Load property lists; whatever happens, the code is 0."""
    if call.machine.knobs["load_crash"] == "yes":
        return Answer(-6)
    flags, paths = _given(call, "load")
    said = ""
    for path in paths:
        if call.is_root and "LaunchAgents" in path.parts:
            said += (
                "Warning: Expecting a LaunchDaemons path since the command was ran as root. "
                "Got LaunchAgents instead.\n"
            )
        if "w" in flags:
            _override(call, path, disabled=False)
        try:
            call.own_domain.load(path)
        except Refused:
            said += _failed("Load", "bootstrap")
    return Answer(0, err=said)


def unload(call: Call) -> Answer:
    """Stop jobs and forget them; whatever happens, the code is 0."""
    flags, paths = _given(call, "unload")
    said = ""
    for path in paths:
        if "w" in flags:
            _override(call, path, disabled=True)
        jobs = [job for job in call.own_domain.jobs.values() if job.definition.path == path]
        for job in jobs:
            job.domain.remove(job)
        said += "" if jobs else _failed("Unload", "bootout")
    return Answer(0, err=said)


def _given(call: Call, verb: str) -> tuple[str, list[Path]]:
    flags = "".join(word[1:] for word in call.words if word.startswith("-"))
    paths = [Path(call.folder, word) for word in call.words if not word.startswith("-")]
    if set(flags) - set("wF") or not paths:
        raise Stop(64, f"Usage: launchctl {verb} <service-path, service-path2, ...>\n")
    folders = [sorted(path.glob("*.plist")) if path.is_dir() else [path] for path in paths]
    return flags, [path for found in folders for path in found]


def _override(call: Call, path: Path, *, disabled: bool) -> None:
    try:
        label = definition.read(path, (0, call.caller.uid)).label
    except Refused:
        return
    call.machine.overrides.set(call.own_domain, label, disabled=disabled)


def _failed(verb: str, modern: str) -> str:
    hint = f"Try running `launchctl {modern}` as root for richer errors.\n"
    return f"{verb} failed: 5: Input/output error\n{hint}"


def start(call: Call) -> Answer:
    """Start a job."""
    return _do(call, lambda job: job.start("non-ipc demand"))


def stop(call: Call) -> Answer:
    """End a job's process: one that is kept alive comes back."""
    return _do(call, lambda job: job.send(signal.SIGTERM) if job.pid else None)


def remove(call: Call) -> Answer:
    """Stop a job and forget it."""
    return _do(call, lambda job: job.domain.remove(job))


def _do(call: Call, act: Callable[[Job], object]) -> Answer:
    if len(call.words) != 1:
        raise Stop(64, "Usage: launchctl <start|stop|remove> <service-name>\n")
    job = call.own_domain.jobs.get(call.words[0])
    if job is None:
        return Answer(3)
    act(job)
    return Answer()


VERBS: Mapping[str, Callable[[Call], Answer]] = {
    "list": list_,
    "load": load,
    "unload": unload,
    "start": start,
    "stop": stop,
    "remove": remove,
}
