"""Every host asked what it may tell of its credentials: one exchange each, in parallel."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hermes_ops.audit import question
from hermes_ops.audit.model import found, request, shown_key
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output
from hermes_ops.commands.converge import tracer
from hermes_ops.commands.workspace import Workspace, refuse_unreachable
from hermes_ops.errors import HermesError, Interrupted, Unknown
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.parallel import INTERRUPTED, Rules, parallel
from hermes_ops.run import Settings, open_host
from hermes_ops.services.base import home_of


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What one host told, or why it did not."""

    host: Host
    answer: Mapping[str, Any] | None = None
    failure: HermesError | None = None
    exchanges: int = 0


def ask_hosts(
    hosts: Sequence[Host], key: bytes, workspace: Workspace, options: Options, output: Output
) -> list[HostAnswer]:
    """Ask each host about every profile that is on it; no value leaves any of them."""
    REDACTOR.learn(shown_key(key))
    refuse_unreachable(replace(workspace.whole, hosts=tuple(hosts)))
    how = Settings(
        known_hosts=workspace.known_hosts, trace=tracer(output) if options.verbose else None
    )

    def work(host: Host) -> HostAnswer:
        return _ask(host, key, workspace.whole, how)

    deadline = time.monotonic() + options.timeout if options.timeout else None
    ended = parallel(hosts, work, Rules(options.forks, deadline=deadline))
    if ended.stopped_by == INTERRUPTED:
        raise Interrupted("interrupted")
    late = Unknown(ended.stopped_by, kind="timeout")
    return [ended.values.get(i) or HostAnswer(host, failure=late) for i, host in enumerate(hosts)]


def _ask(host: Host, key: bytes, inventory: Inventory, how: Settings) -> HostAnswer:
    try:
        transport = open_host(host, how, lambda _: None)
        try:
            script = question.probe(request(key, _homes(host, inventory)), host.hermes.python)
            reply = transport.exchange(script, timeout=host.connection.exchange_timeout)
            return HostAnswer(
                host, _understood(host, question.parse(reply)), None, transport.exchanges
            )
        finally:
            transport.close()
    except HermesError as failure:
        return HostAnswer(host, failure=failure)


def _understood(host: Host, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        found(host, answer)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unknown("what it told of its files is not understood") from None
    return answer


def _homes(host: Host, inventory: Inventory) -> dict[str, str]:
    """Return where the inventory's profiles of this host live; others are found by the host."""
    return {
        profile.name: str(home_of(profile, inventory.roles[profile.role]))
        for profile in host.profiles
    }
