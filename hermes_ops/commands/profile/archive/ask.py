"""Ask a host for the archive of a profile: one exchange, which changes nothing there.

It is written while it arrives, part by part: no part of it stays in memory.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hermes_ops.audit import question
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands.look_hosts import looking, rules_of
from hermes_ops.commands.profile.archive.read import MOST_UNPACKED, NewArchive
from hermes_ops.commands.profile.whose import ProfileOnHost
from hermes_ops.commands.workspace import now, refuse_unreachable
from hermes_ops.errors import CommandError, NotUnderstood
from hermes_ops.inventory.model import Host
from hermes_ops.run import over_hosts
from hermes_ops.transport import Transport
from hermes_ops.wire.reader import TAKEN, OnRecord, Record

DEADLINE = 900.0
"""Seconds that an archive may take, where an exchange with the host may not take longer."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive that was written, and the names of what was left out."""

    size: int
    """In bytes, packed."""
    left: tuple[tuple[str, str], ...]
    """Paths in the profile's folder that are not in it, with the reason."""
    masked: tuple[str, ...]
    """Credentials that were taken out of `config.yaml`, by the names they are known by."""
    env: tuple[str, ...]
    """The names in `.env`, which is not in it."""


def ask(
    target: ProfileOnHost, path: Path, options: Options, output: Output, otherwise: str = ""
) -> Packed | None:
    """Write the archive of a profile into a new file; None if the host has no folder of it.

    `otherwise`: what else helps if it is too large.

    Raises:
        HermesError: the host did not answer, the profile is too large, or the file cannot be made.
    """
    refuse_unreachable(target.wanting("stopped").selected)
    request = request_of(target)

    def work(host: Host, transport: Transport) -> Packed | None:
        program = question.program_of("hermes_ops.commands.profile.archive")
        script = question.probe_with(program, request, host.hermes.python)
        seconds = max(host.connection.exchange_timeout, DEADLINE)
        reply = transport.exchange(script, _into(draft), timeout=seconds)
        return _packed(question.parse(reply), draft, target, otherwise)

    how = looking(target.workspace, options, output)
    with NewArchive(path) as draft:
        (outcome,) = over_hosts([target.host], work, rules_of(options), how)
        if outcome.failure:
            raise outcome.failure
        if outcome.value:
            draft.keep()
    return outcome.value


def request_of(target: ProfileOnHost) -> dict[str, Any]:
    """Return what the host is asked for; `about` is noted in the archive, as it is."""
    return {
        "home": target.home,
        "name": target.profile.name,
        "largest": MOST_UNPACKED,
        "about": {"profile": target.profile.name, "host": target.host.name, "taken_at": now()},
    }


def _into(draft: NewArchive) -> OnRecord:
    """Return what writes the parts of an archive as they come."""

    def take(record: Record) -> object:
        if record.word != "part":
            return None
        try:
            draft.write(base64.b64decode(record.text or "", validate=True))
        except ValueError:
            raise _no_archive() from None
        if draft.size > MOST_UNPACKED + (MOST_UNPACKED >> 2):
            raise _no_archive()
        return TAKEN

    return take


def _no_archive() -> NotUnderstood:
    return NotUnderstood("its answer is no archive", hint="look at it with -v")


def _packed(
    told: Mapping[str, Any], draft: NewArchive, target: ProfileOnHost, otherwise: str
) -> Packed | None:
    if told.get("absent"):
        return None
    if "large" in told:
        raise _too_large(told["large"], target, otherwise)
    try:
        if not draft.size or draft.digest != told["digest"]:
            raise ValueError
        left = tuple((str(path), str(why)) for path, why in told["left"])
        names = (tuple(map(str, told[key])) for key in ("masked", "env"))
        return Packed(draft.size, left, *names)
    except (KeyError, TypeError, ValueError):
        raise _no_archive() from None


def _too_large(largest: Any, target: ProfileOnHost, otherwise: str) -> CommandError:
    files = ", ".join(f"{path} ({int(size) / 1e6:.0f} MB)" for size, path in largest)
    words = f"{target.name} has more than {MOST_UNPACKED >> 20} MiB to put into an archive: {files}"
    export = target.by_hand(f"profile export {target.profile.name}")
    hint = f"{otherwise}on the host: {export}   # secret"
    return CommandError(words, hint=hint)
