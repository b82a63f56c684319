"""`gateway.run`: one gateway in the foreground, on a terminal, as its service would run it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.hosts.one_host import connection
from hermes_ops.commands.target import open_target
from hermes_ops.commands.workspace import refuse_disabled
from hermes_ops.errors import Conflict, UsageError
from hermes_ops.hermes.evidence import pids_of
from hermes_ops.hermes.gateway import values_for
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.look.facts import Facts
from hermes_ops.plan.desired import desired_state
from hermes_ops.run import gather, ignore
from hermes_ops.services.base import ServiceSpec
from hermes_ops.transport.terminal import converse, is_terminal


def run(options: Options, output: Output, target: str) -> Result:
    """Run the gateway until it ends, or Ctrl-C, which it hears itself; end with its exit code.

    Raises:
        UsageError: there is no terminal, or no such profile.
        Conflict: it runs already, or its host has no Hermes.
    """
    workspace, host, profile = open_target(options, output, target)
    if not is_terminal():
        hint = f"as a service: ./inv fleet.start -l {target}"
        raise UsageError("gateway.run needs a terminal", hint=hint)
    refuse_disabled(host)
    desired = desired_state(host, workspace.whole.roles, ())
    service = desired.services[profile.name]
    with connection(host, workspace, options, output) as transport:
        facts = gather(desired, transport, ignore)
        command = _command(service, facts, host, profile)
        return Result(converse(transport.terminal(command)))


def _command(service: ServiceSpec, facts: Facts, host: Host, profile: Profile) -> str:
    """Return the command line of the service, with the variables that its unit sets."""
    where = f"{host.name}/{profile.name}"
    if pids := pids_of(service, facts):
        raise Conflict(
            f"{where} runs already, as process {', '.join(map(str, sorted(pids)))}",
            hint=f"./inv fleet.stop -l {where}",
        )
    if service.text == "hermes" and facts.hermes is None:
        raise Conflict(f"Hermes is not on {host.name}", hint=f"./inv fleet.up -l {where}")
    values = values_for(service, facts, facts.hermes, profile.config, {})
    words = [f"{name}={value}" for name, value in _variables(service, values).items()]
    home = shlex.quote(str(service.home))
    return f"cd {home} && exec env {shlex.join([*words, *values['command']])}"


def _variables(service: ServiceSpec, values: Mapping[str, object]) -> Mapping[str, str]:
    if service.text != "hermes":
        return service.environment
    names = {"PATH": "path", "VIRTUAL_ENV": "virtual_env", "HERMES_HOME": "service_home"}
    return {**{name: str(values[key]) for name, key in names.items()}, **service.environment}
