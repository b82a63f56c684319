"""Ask every host about its credentials: one exchange for each host, in parallel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hermes_ops.audit import question
from hermes_ops.audit.model import found, request, shown_key
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output
from hermes_ops.commands.look_hosts import looking, rules_of
from hermes_ops.commands.workspace import Workspace, refuse_unreachable
from hermes_ops.errors import HermesError, Interrupted
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.run import Rules, Settings, over_hosts
from hermes_ops.services.base import home_of
from hermes_ops.transport import Transport


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """The answer of one host, or the error why there is none."""

    host: Host
    answer: Mapping[str, Any] | None = None
    failure: HermesError | None = None
    exchanges: int = 0


def ask_hosts(
    hosts: Sequence[Host], key: bytes, workspace: Workspace, options: Options, output: Output
) -> list[HostAnswer]:
    """Ask each host about every profile on it; the answers contain no secret value."""
    REDACTOR.learn(shown_key(key))
    refuse_unreachable(replace(workspace.whole, hosts=tuple(hosts)))
    told = ask(hosts, key, workspace.whole, rules_of(options), looking(workspace, options, output))
    for one in told:
        if isinstance(one.failure, Interrupted):
            raise one.failure
    return told


def ask(
    hosts: Sequence[Host], key: bytes, inventory: Inventory, rules: Rules, how: Settings
) -> list[HostAnswer]:
    """Ask each host once."""

    def work(host: Host, transport: Transport) -> Mapping[str, Any]:
        script = question.probe(request(key, _homes(host, inventory)), host.hermes.python)
        reply = transport.exchange(script, timeout=host.connection.exchange_timeout)
        answer = question.parse(reply)
        # Raises for an answer that makes no sense: here, where it fails this host alone.
        found(host, answer)
        return answer

    return [
        HostAnswer(outcome.host, outcome.value, outcome.failure, outcome.exchanges)
        for outcome in over_hosts(hosts, work, rules, how)
    ]


def _homes(host: Host, inventory: Inventory) -> dict[str, str]:
    """Return the homes of the host's profiles in the inventory; the host itself finds others."""
    return {
        profile.name: str(home_of(profile, inventory.roles[profile.role]))
        for profile in host.profiles
    }
