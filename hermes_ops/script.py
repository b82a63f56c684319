"""A plan as one shell script, and its answer as outcomes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePosixPath

from hermes_ops.facts import watch_lines
from hermes_ops.hermes import EVIDENCE, PID_FILE
from hermes_ops.plan.model import (
    Change,
    Control,
    EnableLinger,
    Install,
    MakeFolder,
    MakeLink,
    Operation,
    Plan,
    Refuse,
    Reload,
    Remove,
    RunCommand,
    SetMode,
    Watch,
    Write,
    WriteUnit,
)
from hermes_ops.secret import Secret
from hermes_ops.wire import Record, Script, assemble

PIP = ".cache/hermes-ops/pip.whl"
WHEELS = ".cache/hermes-ops/wheels"
HOST = "-"
"""The name under which the shell keeps what belongs to the host itself."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a script may wait, and what it writes into the lock; all in seconds."""

    owner: str = "{}"
    lock_timeout: int = 60
    ready_timeout: int = 60
    settle: int = 3


Numbered = tuple[int, Change]


def compile_plan(plan: Plan, terms: Terms) -> Script:
    """Return the script that applies `plan` under the host's lock, then watches what it started."""
    script = assemble(("common", "evidence", "apply"), "\n".join(_body(plan, terms)))
    return replace(script, before=_before(plan))


def _before(plan: Plan) -> str:
    """Return what only the login user may do: let the services of `hermes_user` linger."""
    user = shlex.quote(plan.host.hermes.user)
    if not plan.host.hermes.user or not any(
        isinstance(change.operation, EnableLinger) for change in plan.changes
    ):
        return ""
    verb = f"loginctl --no-ask-password enable-linger {user} >/dev/null 2>&1"
    return f"{verb} || sudo -n {verb}"


def compile_watch(plan: Plan, terms: Terms) -> Script:
    """Return the script that only watches: no lock, no change."""
    lines = [*_preamble(plan), *_await(plan.watches, terms)]
    return assemble(("common", "evidence", "apply"), "\n".join(lines))


def _call(*words: object) -> str:
    return shlex.join(str(word) for word in words)


def _preamble(plan: Plan) -> Iterable[str]:
    yield "identify; enter_home; boot_id; trap '' HUP PIPE"
    yield f"hermes_python={shlex.quote(plan.python)}"


def _body(plan: Plan, terms: Terms) -> Iterator[str]:
    yield from _preamble(plan)
    yield _call("take_lock", terms.lock_timeout, terms.owner)
    numbered = list(enumerate(plan.changes))
    # Another held the lock until now: what we planned is older than what it did.
    stale = _call("tell", "moved", *(number for number, _ in numbered))
    yield f'[ "$waited" -eq 0 ] || {{ {stale}; release_lock; trap - EXIT; return; }}'
    for profile, group in groupby(numbered, key=_section):
        changes = list(group)
        if any(_starts(change.operation) for _, change in changes):
            yield from _after(profile, plan, terms)
        yield f"profile={shlex.quote(profile)}"
        yield from _profile(changes)
        yield '[ -z "$gone" ] || exit 0'
    yield from _last(plan, terms)


def _section(numbered: Numbered) -> str:
    change = numbered[1]
    return change.profile or HOST


def _starts(operation: Operation) -> bool:
    return isinstance(operation, Control) and operation.verb != "stop"


def _after(name: str, plan: Plan, terms: Terms) -> Iterator[str]:
    """Yield the wait for those that must be ready before this profile starts, and the refusal."""
    first = {after for p in plan.host.profiles if p.name == name for after in p.after}
    if not first:
        return
    watches = [watch for watch in plan.watches if watch.service.profile in first]
    yield from _await(watches, terms)
    for watch in watches:
        yield from _if_whole(watch, f"{_is_well(watch)} || breaks")
    yield "late="
    for other in sorted(first):
        yield f"profile={shlex.quote(other)}"
        yield "! is_broken || late=1"
    yield f"profile={shlex.quote(name)}"
    yield '[ -z "$late" ] || breaks'


def _last(plan: Plan, terms: Terms) -> Iterator[str]:
    # The lock guards changes, not the wait: another may look at us meanwhile.
    yield "release_lock; trap - EXIT"
    yield from _await(plan.watches, terms)


def _profile(changes: list[Numbered]) -> Iterator[str]:
    seen = [
        word for _, change in changes for path, digest in change.seen for word in (path, digest)
    ]
    if seen:
        numbers = " ".join(str(number) for number, _ in changes)
        yield f"if {_call('moved', *seen)}; then breaks; tell moved {numbers}; else"
    for writes, group in groupby(changes, key=_is_write):
        run = list(group)
        yield from _writes(run) if writes else _others(run)
    if seen:
        yield "fi"


def _is_write(numbered: Numbered) -> bool:
    return isinstance(numbered[1].operation, Write)


def _others(changes: list[Numbered]) -> Iterator[str]:
    for number, change in changes:
        yield from _operation(number, change.operation)


def _writes(changes: list[Numbered]) -> Iterator[str]:
    """Yield the lines that stage all files, put them on the disk, and only then rename them."""
    writes = [(number, change.operation) for number, change in changes]
    owed = {op.owes for _, op in writes if isinstance(op, Write) and op.owes}
    for name in sorted(owed):
        yield f"is_broken || {_call('owe_restart', name)}"
    for number, operation in writes:
        if isinstance(operation, Write):
            stage = _call("stage_change", number, f"{operation.mode:o}", operation.path)
            # Nobody takes the content of a change that is skipped, which is no error to tell.
            yield f"{{\n{_content(operation)}\n}} 2>/dev/null | {stage} || breaks"
    yield _call("sync_staged", *(op.path for _, op in writes if isinstance(op, Write)))
    for number, operation in writes:
        if isinstance(operation, Write):
            yield _call("rename_staged", number, operation.path)


_TOKEN_LINE = re.compile(
    r"^(?:export )?([A-Za-z_][A-Za-z0-9_]*)=\x01(kept|new:(\d+))\x01\n", re.MULTILINE
)


def _content(write: Write) -> str:
    """Return shell text that prints the content: builtins only, so that no list of words has it."""
    secret = isinstance(write.content, Secret)
    text = write.content.reveal() if isinstance(write.content, Secret) else write.content
    if not secret:
        return f"printf %s {shlex.quote(text)}"
    return "\n".join(_pieces(text, write.path))


def _pieces(text: str, path: PurePosixPath) -> Iterator[str]:
    at = 0
    for match in _TOKEN_LINE.finditer(text):
        yield f"printf %s {shlex.quote(text[at : match.start()])}"
        name, word, size = match.groups()
        yield _call("kept_line", path, name) if word == "kept" else _call("new_line", name, size)
        at = match.end()
    yield f"printf %s {shlex.quote(text[at:])}"


def _operation(number: int, operation: Operation) -> Iterator[str]:
    match operation:
        case MakeFolder(path, mode):
            yield _call("run", number, "make_folder", "-" if mode is None else f"{mode:o}", path)
        case SetMode(path, mode):
            yield _call("run", number, "chmod", f"{mode:o}", path)
        case MakeLink(path, target):
            yield _call("run", number, "make_link", target, path)
        case Remove(path):
            yield _call("run", number, "remove", path)
        case RunCommand(words, deadline):
            yield _call("run", number, "scrubbed", deadline, *words)
        case WriteUnit(path, words, deadline):
            yield _call("run", number, "write_unit", path, deadline, *words)
        case Install():
            yield f"tell starts {number}"
            yield _call("run", number, *_install(operation))
        case EnableLinger(required):
            yield _call("run" if required else "try_run", number, "linger")
        case Reload(words):
            yield _call("run", number, *words)
        case Refuse(message, kind):
            yield _call("failed", number, f"{kind}: {message}")
        case Control():
            yield from _control(number, operation)


def _install(install: Install) -> Iterable[object]:
    # A wheelhouse names each wheel, and no index is asked.
    source = ("--no-index", "--find-links", WHEELS) if install.wheelhouse else ()
    return (
        "install_program", install.name, install.version, install.python, PIP, install.stamp,
        install.deadline, *source, *install.requirements,
    )  # fmt: skip


def _control(number: int, control: Control) -> Iterator[str]:
    home = control.service.home
    if control.ends:
        yield f"is_broken || {_call('end_process', home, control.ends)}"
    if control.verb != "stop" and control.service.text == "hermes":
        yield f"is_broken || {_call('reset_storm', home)}"
    yield _call("run", number, *control.words)
    yield f"is_broken || {_call('paid_restart', control.service.name)}"


def _await(watches: Sequence[Watch], terms: Terms) -> Iterator[str]:
    if not watches:
        return
    units = [watch.service.unit for watch in watches]
    homes = [watch.service.home for watch in watches if watch.service.text == "hermes"]
    yield "round() {"
    yield _call("send_files", *(f"{home}/{name}" for home in homes for name in EVIDENCE))
    yield from watch_lines(units, [f"{home}/{PID_FILE}" for home in homes])
    yield "set --"
    for watch in watches:
        yield from _if_whole(watch, _is_up(watch))
    yield 'ask_urls "$@"'
    yield "}"
    yield "watching="
    for watch in watches:
        yield from _if_whole(watch, "watching=1")
    yield 'if [ -n "$watching" ]; then'
    yield _call("await", terms.ready_timeout, terms.settle)
    for watch in watches:
        yield from _if_whole(watch, f"{_is_well(watch)} || {_log(watch)}")
    yield "fi"


def _has_failed(watch: Watch) -> str:
    return _call("has_failed", watch.service.unit, watch.service.name)


def _is_up(watch: Watch) -> str:
    """Return shell text that asks a service what it must answer, unless it has ended for good."""
    asked = f'{_call("set", "--")} "$@" {shlex.join(watch.urls)}'
    if watch.service.text == "hermes":
        asked = f"{asked}; {_call('looks_up', watch.service.home)} || ready="
    return f"{_has_failed(watch)} || {{ {asked}; }}"


def _is_well(watch: Watch) -> str:
    """Return shell text that says whether the log of a service is of no interest."""
    words = f'[ -n "$ready" ] && ! {_has_failed(watch)}'
    if watch.service.text == "hermes":
        words += f" && {_call('are_connected', watch.service.home, *sorted(watch.expected))}"
    return f"{{ {words}; }}"


def _log(watch: Watch) -> str:
    return _call("send_log", watch.service.unit, watch.service.name, watch.service.home)


def _if_whole(watch: Watch, line: str) -> Iterator[str]:
    """Yield a line that runs unless a step of the watch's profile failed."""
    yield f"profile={shlex.quote(watch.service.profile)}"
    yield f"is_broken || {line}"


# --- the answer -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one change ended: done, failed, skipped, or moved since the look."""

    number: int
    outcome: str
    message: str = ""


def outcomes(record: Record) -> Iterable[Outcome]:
    """Return the outcomes that a record tells, none if it tells something else."""
    if record.word == "moved":
        return [Outcome(int(number), "moved") for number in record.words]
    if record.word != "change":
        return []
    number, _, rest = record.rest.partition(" ")
    outcome, _, message = rest.partition(" ")
    return [Outcome(int(number), outcome, message)]
