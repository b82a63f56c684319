"""The changes of one profile as lines of shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import PurePosixPath

from hermes_ops.files.layout import PIP, WHEELS
from hermes_ops.hermes import started
from hermes_ops.plan import model
from hermes_ops.plan.lifecycle import moves
from hermes_ops.plan.lifecycle.rights import needs_root, root_manager
from hermes_ops.plan.model import Change, Control, Drain, Install, Operation, Write
from hermes_ops.secrets.secret import Secret
from hermes_ops.services.awake.keeper import AwakeOrder
from hermes_ops.wire import Hidden

Numbered = tuple[int, Change]
"""A change and its number in the plan; the host reports the outcome under this number."""


def call(*words: object) -> str:
    """Return a command line of these words, quoted."""
    return shlex.join(str(word) for word in words)


def profile_lines(changes: Sequence[Numbered], prepared: Collection[int]) -> Iterator[str]:
    """Yield the lines of one profile's changes.

    Changes whose numbers are in `prepared` need no preparation any more.
    """
    moved = has_moved(changes)
    if moved:
        numbers = " ".join(str(number) for number, _ in changes)
        yield f"if {moved}; then breaks; tell moved {numbers}; else"
    for writes, group in groupby(changes, key=lambda item: isinstance(item[1].operation, Write)):
        run = list(group)
        yield from _all_writes(run) if writes else _others(run, prepared)
    if moved:
        yield "fi"


def has_moved(changes: Iterable[Numbered]) -> str:
    """Return the shell test whether files changed since the look; empty if none matter."""
    seen = [
        word for _, change in changes for path, digest in change.seen for word in (path, digest)
    ]
    return call("moved", *seen) if seen else ""


def prepare(control: Control) -> Iterator[str]:
    """Yield what must happen before a service is started, restarted or stopped."""
    home = control.service.home
    for other in control.after:
        yield f"is_broken || {call('needs_stop_of', other)}"
    if _drains(control) and control.rolls_after:  # all others have drained side by side before
        yield f"is_broken || {call('drain_gateway', home, control.drain)}"
    if _drains(control):
        yield f"is_broken || {call('ends_drained', home)}"
    if control.ends:
        yield f"is_broken || {call('end_process', home, control.ends, control.born or '')}"
    if control.announced and not control.ends:
        yield f"is_broken || {call('plan_stop', home, control.announced)}"
    manager = root_manager(control)
    if manager and control.verb != "start" and (words := manager.announcement(control.service)):
        yield f"is_broken || {call(*words)}"
    if control.verb != "stop" and control.service.text == "hermes":
        yield f"is_broken || {call('reset_storm', home)}"
        yield f"is_broken || {call('mark_logs', home, control.words[2])}"


def _drains(control: Control) -> bool:
    return bool(control.drain) and control.service.text == "hermes"


def drain_together(
    sections: Iterable[Sequence[Numbered]], refused: Collection[str | None]
) -> Iterator[str]:
    """Yield the lines that drain side by side every gateway that waits for no other.

    Those that are `refused` go on as they are: nothing of them will be restarted.
    """
    waits = []
    for changes in sections:
        for _, change in changes:
            control = change.operation
            if change.profile in refused or not isinstance(control, Control):
                continue
            if _drains(control) and not control.rolls_after:
                waits.append(control.drain)
                yield f"profile={shlex.quote(change.profile or '')}"
                yield f"is_broken || {call('ask_drain', control.service.home, control.drain)}"
    if waits:
        yield call("await_drains", max(waits))


def _others(changes: Iterable[Numbered], prepared: Collection[int]) -> Iterator[str]:
    for number, change in changes:
        if isinstance(change.operation, Control) and number not in prepared:
            yield from prepare(change.operation)
        first, *rest = _operation(number, change.operation)
        yield from (_keep(number, change) + first, *rest)


def _keep(number: int, change: Change) -> str:
    """Return the shell text that keeps the file which this change replaces, if others wrote it."""
    path = getattr(change.operation, "path", None)
    copies = change.kept and not isinstance(change.operation, moves.MoveAside)
    return f"{call('keep_old', number, path)} && " if copies else ""


def _all_writes(changes: Sequence[Numbered]) -> Iterator[str]:
    """Yield the lines of this user's own files, then of those that root writes."""
    of_root = [one for one in changes if needs_root(one[1].operation)]
    if own := [one for one in changes if one not in of_root]:
        yield from _writes(own)
    if of_root:
        yield from (f"is_broken || {keep}:" for n, c in of_root if (keep := _keep(n, c)))
        owed = {getattr(c.operation, "owes", None) for _, c in of_root}
        yield f"is_broken || {call('stage_by_root', of_root[0][0])}"
        for name in sorted(filter(None, owed)):
            yield f"is_broken || {call('owe_restart', name)}"
        yield from (call("run", number, "by_root", number) for number, _ in of_root)


def _writes(changes: Iterable[Numbered]) -> Iterator[str]:
    """Yield the lines that stage all files, sync them to the disk, and only then rename them."""
    changes = list(changes)
    writes = [(number, change.operation) for number, change in changes]
    keep = {number: _keep(number, change) for number, change in changes}
    owed = {op.owes for _, op in writes if isinstance(op, Write) and op.owes}
    paths = [op.path for _, op in writes if isinstance(op, Write)]
    yield f"is_broken || {call('make_parents', *paths)}"
    for number, operation in writes:
        if isinstance(operation, Write):
            words = call(number, f"{operation.mode:o}", operation.path)
            yield f"if {keep[number]}begin_stage {words}; then"
            yield Hidden(f'{{ {content_of(operation)}\n}} 2>/dev/null >"$staged"', _size(operation))
            yield f"end_stage $? {words}; fi"
    proofs = {op.proof: (n, op.path) for n, op in writes if isinstance(op, Write) and op.proof}
    yield from (call("proven", *which, *words) for words, which in proofs.items())
    for name in sorted(owed):
        yield f"is_broken || {call('owe_restart', name)}"
    yield call("sync_staged", *paths)
    for number, operation in writes:
        if isinstance(operation, Write):
            yield call("rename_staged", number, operation.path)
            if operation.keeps:
                note = f"is_broken || {call('keep_note', *operation.keeps)}"
                yield Hidden(note, f"is_broken || keep_note {operation.keeps[0]}")


_TOKEN_LINE = re.compile(
    r"^(?:export )?([A-Za-z_][A-Za-z0-9_]*)=\x01(kept|new:(\d+))\x01\n", re.MULTILINE
)


def content_of(write: Write) -> str:
    """Return shell text that prints the content with builtins: no argument list may show it."""
    if not isinstance(write.content, Secret):
        return f"printf %s {shlex.quote(write.content)}"
    return " &&\n".join(_pieces(write.content.reveal(), write.path))


def _size(write: Write) -> str:
    """Return what is shown of the content of a file."""
    text = write.content.reveal() if isinstance(write.content, Secret) else write.content
    size = len(text.encode("utf-8", "surrogateescape"))
    return f"{{ # {size} bytes for {write.path}, mode {write.mode:04o}\n}}"


def _pieces(text: str, path: PurePosixPath) -> Iterator[str]:
    at = 0
    for match in _TOKEN_LINE.finditer(text):
        yield f"printf %s {shlex.quote(text[at : match.start()])}"
        name, word, size = match.groups()
        yield call("kept_line", path, name) if word == "kept" else call("new_line", name, size)
        at = match.end()
    yield f"printf %s {shlex.quote(text[at:])}"


def _operation(number: int, operation: Operation) -> Iterator[str]:
    if isinstance(operation, AwakeOrder) and operation.words:
        yield f"root_part={number}"
        yield call("run", number, *operation.words)
        return
    if needs_root(operation) and not isinstance(operation, Control):
        yield call("run", number, "by_root", number)
        return
    if words := _at_path(operation):
        yield call("run", number, *words)
        return
    match operation:
        case model.RunCommand(words, deadline):
            yield call("run", number, "scrubbed", deadline, *words)
        case model.WriteUnit(path, words, mark, deadline):
            yield call("run", number, "write_unit", path, mark, deadline, *words)
        case Install():
            yield f"tell starts {number}"
            yield call("run", number, *_install(operation))
        case model.EnableLinger(required):
            yield call("run" if required else "try_run", number, "linger")
        case model.Reload(words) | model.Switch(words=words):
            yield call("run", number, *words)
        case model.Refuse(kind=kind):
            yield call("failed", number, f"{kind}: {operation.said}")
        case Drain() | Control():
            yield from _order(number, operation)


def _at_path(operation: Operation) -> tuple[object, ...]:
    """Return the shell words of what is done to one path; of any other operation none."""
    match operation:
        case model.MakeFolder(path, mode):
            return ("make_folder", "-" if mode is None else f"{mode:o}", path)
        case model.SetMode(path, mode):
            return ("chmod", f"{mode:o}", path)
        case model.MakeLink(path, target):
            return ("make_link", target, path)
        case model.Remove(path):
            return ("remove", path)
        case moves.MoveAside(path):
            return ("move_aside", path)
        case moves.Move(path, to):
            return ("move_to", path, to)
        case moves.Retarget(path, to, old, new):
            return ("retarget", path, to, old, new)
        case moves.Unpack(path, _, top):
            return ("unpack", operation.sent, top, path)
    return ()


def _order(number: int, order: Control | Drain) -> Iterator[str]:
    if isinstance(order, Drain):
        yield call("run_here", number, "leave_drain", order.service.home, order.lasts)
        return
    counts = order.verb != "start" and order.service.text == "hermes"
    if order.verb != "start":
        yield call("patient", order.patience)
    if counts:
        yield f"is_broken || {call('count_down', order.service.home, order.patience)}"
    yield call("run", number, *(("by_root", number) if needs_root(order) else order.words))
    if counts:
        yield "counted"
    yield f"is_broken || {call('paid_restart', order.service.name)}"
    if order.verb != "stop":
        yield f"is_broken || {call('ended_stop', order.service.name)}"
    if order.keeps and order.verb != "stop":
        made = (order.service.home / started.ENV, *order.made) if order.made else ()
        yield f"is_broken || {call('keep_start', *order.keeps, *made)}"


def _install(install: Install) -> Iterable[object]:
    # With a wheelhouse every wheel is already on the host, and pip must not ask an index.
    source = ("--no-index", "--find-links", WHEELS) if install.wheelhouse else ()
    return (
        "install_beside" if install.beside else "install_program", install.name, install.version,
        install.python, PIP, install.stamp, install.deadline, *source, *install.requirements,
    )  # fmt: skip
