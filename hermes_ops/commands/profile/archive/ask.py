"""Ask a host for the archive of a profile: one exchange, which changes nothing there."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hermes_ops.audit import question
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands.look_hosts import looking, rules_of
from hermes_ops.commands.profile.whose import ProfileOnHost
from hermes_ops.commands.workspace import now, refuse_unreachable
from hermes_ops.errors import CommandError, NotUnderstood
from hermes_ops.inventory.model import Host
from hermes_ops.run import over_hosts
from hermes_ops.transport import Transport
from hermes_ops.wire.reader import LARGEST

MOST = (LARGEST - (1 << 20)) // 4 * 3
"""The largest archive in bytes: in base64 it must fit into the answer of a host."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive, and what is not in it."""

    content: bytes
    left: tuple[tuple[str, str], ...]
    """Paths in the profile's folder that are not in it, with the reason."""
    masked: tuple[str, ...]
    """Credentials that were taken out of `config.yaml`, by the names they are known by."""
    env: tuple[str, ...]
    """The names in `.env`, which is not in it."""


def ask(
    target: ProfileOnHost, options: Options, output: Output, otherwise: str = ""
) -> Packed | None:
    """Return the archive of a profile; None if the host has no folder of it.

    `otherwise`: what else helps if it is too large.

    Raises:
        HermesError: the host did not answer, or the archive would be too large.
    """
    refuse_unreachable(target.wanting("stopped").selected)
    request = {
        "home": target.home,
        "name": target.profile.name,
        "largest": MOST,
        "about": {"profile": target.profile.name, "host": target.host.name, "taken_at": now()},
    }

    def work(host: Host, transport: Transport) -> Packed | None:
        program = question.program_of("hermes_ops.commands.profile.archive")
        script = question.probe_with(program, request, host.hermes.python)
        reply = transport.exchange(script, timeout=host.connection.exchange_timeout)
        return _packed(question.parse(reply), target, otherwise)

    how = looking(target.workspace, options, output)
    (outcome,) = over_hosts([target.host], work, rules_of(options), how)
    if outcome.failure:
        raise outcome.failure
    return outcome.value


def _packed(told: Mapping[str, Any], target: ProfileOnHost, otherwise: str) -> Packed | None:
    if told.get("absent"):
        return None
    if "large" in told:
        raise _too_large(told["large"], target, otherwise)
    try:
        content = base64.b64decode(told["archive"], validate=True)
        if hashlib.sha256(content).hexdigest() != told["digest"]:
            raise ValueError
        left = tuple((str(path), str(why)) for path, why in told["left"])
        names = (tuple(map(str, told[key])) for key in ("masked", "env"))
        return Packed(content, left, *names)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise NotUnderstood("its answer is no archive", hint="look at it with -v") from None


def _too_large(largest: Any, target: ProfileOnHost, otherwise: str) -> CommandError:
    files = ", ".join(f"{path} ({int(size) / 1e6:.0f} MB)" for size, path in largest)
    words = f"the archive of {target.name} would be larger than {MOST >> 20} MiB: {files}"
    hint = f"{otherwise}on the host: hermes profile export {target.profile.name}  # secret"
    return CommandError(words, hint=hint)
